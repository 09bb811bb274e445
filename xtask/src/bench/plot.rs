//! Plots: a row a workload, a dot a peer, and one line for ourselves.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::results::{OURS, Results};
use super::spec::Workload;
use super::table::title;

/// The ends of the axis: a fiftieth of our cost, and fifty times.
const RANGE: (f64, f64) = (0.02, 50.0);
/// The marks on the axis.
const MARKS: [f64; 11] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
const COLOURS: [&str; 12] = [
    "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5",
    "#9c6b4e", "#9498a0", "#d0a242", "#42a0d0",
];
const WIDTH: f64 = 860.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 30.0;
const ROW: f64 = 26.0;
const STYLE: &str = "text { font: 12px system-ui, sans-serif; fill: #222 } .grid { stroke: #ddd } \
    .ours { stroke: #d33; stroke-width: 2 } .bare { fill: none; stroke: #222; stroke-width: 1.5 } \
    .back { fill: #fff } @media (prefers-color-scheme: dark) { text { fill: #ddd } .grid { stroke: #444 } \
    .bare { stroke: #ddd } .back { fill: #181818 } }";

/// Draws the first figure of each workload of a family; nothing where nothing was measured.
pub(super) fn plot(results: &Results, family: &str) -> Option<String> {
    let workloads = results.workloads().into_iter();
    let workloads: Vec<_> = workloads.filter(|w| w.family == family).collect();
    let peers = results.participants.iter();
    let peers: Vec<_> = peers
        .filter(|p| p.name != OURS && p.families.iter().any(|f| f == family))
        .map(|p| (p.name.as_str(), p.kind == "bare"))
        .collect();
    if workloads.is_empty() || peers.is_empty() {
        return None;
    }
    let colours: BTreeMap<_, _> = peers
        .iter()
        .map(|p| p.0)
        .zip(COLOURS.iter().cycle())
        .collect();
    let legend_rows = peers.len().div_ceil(6) as f64;
    let top = 44.0 + legend_rows * 20.0;
    let bottom = top + workloads.len() as f64 * ROW;
    let height = bottom + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\">\n<style>{STYLE}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n"
    );
    legend(&mut svg, &peers, &colours);
    grid(&mut svg, top, bottom);
    for (row, workload) in workloads.iter().enumerate() {
        let y = top + (row as f64 + 0.5) * ROW;
        let name = format!("{} · {}", workload.name, title(&workload.figures[0]));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
            LEFT - 12.0,
            y + 4.0
        );
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>",
            WIDTH - RIGHT
        );
        dots(&mut svg, results, workload, &peers, (&colours, y));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn legend(svg: &mut String, peers: &[(&str, bool)], colours: &BTreeMap<&str, &&str>) {
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"20\">cost in terms of aioli’s (the line): left of it is better than aioli, right of it worse</text>"
    );
    for (i, (name, bare)) in peers.iter().enumerate() {
        let (x, y) = (24.0 + (i % 6) as f64 * 136.0, 42.0 + (i / 6) as f64 * 20.0);
        dot(svg, (x, y), (colours[name], *bare), name);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\">{name}</text>",
            x + 10.0,
            y + 4.0
        );
    }
}

fn grid(svg: &mut String, top: f64, bottom: f64) {
    for mark in MARKS {
        let x = place(mark);
        let class = if mark == 1.0 { "ours" } else { "grid" };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>"
        );
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{mark}×</text>",
            bottom + 18.0
        );
    }
}

fn dots(
    svg: &mut String,
    results: &Results,
    workload: &Workload,
    peers: &[(&str, bool)],
    (colours, y): (&BTreeMap<&str, &&str>, f64),
) {
    for (name, bare) in peers {
        let ratio = results.ratio(workload, &workload.figures[0], name);
        let Some(ratio) = ratio.filter(|r| r.median > 0.0) else {
            continue;
        };
        let cost = 1.0 / ratio.median;
        let about = format!("{name}: {cost:.2}×");
        dot(svg, (place(cost), y), (colours[name], *bare), &about);
    }
}

fn dot(svg: &mut String, (x, y): (f64, f64), (colour, bare): (&str, bool), about: &str) {
    let look = match bare {
        true => "class=\"bare\"".to_owned(),
        false => format!("fill=\"{colour}\" fill-opacity=\"0.85\""),
    };
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"5\" {look}><title>{about}</title></circle>"
    );
}

/// Returns where on the logarithmic axis a cost lies; what lies beyond is put at its end.
fn place(cost: f64) -> f64 {
    let (low, high) = (RANGE.0.ln(), RANGE.1.ln());
    let part = (cost.clamp(RANGE.0, RANGE.1).ln() - low) / (high - low);
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

#[cfg(test)]
mod tests {
    use super::{place, plot};
    use crate::bench::results::tests::sample;

    #[test]
    fn every_peer_has_a_dot() {
        let svg = plot(&sample(), "tasks").unwrap();
        assert_eq!(svg.matches("<circle").count(), 2 * 3, "{svg}");
        assert!(
            svg.contains("tokio-ct: 3.00×") && svg.contains("monoio: 0.50×"),
            "{svg}"
        );
        assert!(svg.ends_with("</svg>\n"));
        assert_eq!(plot(&sample(), "http"), None);
    }

    #[test]
    fn axis_is_logarithmic_and_ends() {
        let steps = (place(2.0) - place(1.0), place(4.0) - place(2.0));
        assert!((steps.0 - steps.1).abs() < 1e-9);
        assert_eq!(place(1e9), place(50.0));
        assert_eq!(place(0.0), place(0.02));
    }
}
