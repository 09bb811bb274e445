//! The table on the terminal, which grows by a few lines with each workload.

use super::results::{OURS, Results};
use super::spec::{Figure, Workload};
use crate::terminal::{Terminal, Tone};

/// Returns the head of the table.
pub(super) fn head() -> String {
    format!(
        "{:<32} {:>10}  {:<24} {:>7} {:>7} {:>7}",
        "", "aioli", "best peer", "× best", "× tokio", "× floor"
    )
}

/// Returns the lines of a workload, one a figure.
pub(super) fn lines(results: &Results, workload: &Workload, terminal: Terminal) -> Vec<String> {
    let figures = workload.compared();
    figures
        .filter_map(|figure| line(results, workload, figure, terminal))
        .collect()
}

fn line(
    results: &Results,
    workload: &Workload,
    figure: &Figure,
    terminal: Terminal,
) -> Option<String> {
    let ours = results.spread(workload, figure, OURS)?;
    let name = format!("{} · {}", workload.name, title(figure));
    let best = results.best(workload, figure, None);
    let best_text = best.map_or("–".to_owned(), |best| {
        let median = results
            .spread(workload, figure, best)
            .map_or(f64::NAN, |s| s.median);
        format!("{} {best}", number(median))
    });
    let ratio = |peer: Option<&str>| {
        let ratio = peer.and_then(|peer| results.ratio(workload, figure, peer));
        let text = format!("{:>7}", ratio.map_or("–".to_owned(), |r| number(r.median)));
        match ratio {
            Some(r) if r.median > 1.02 => terminal.paint(Tone::Bad, &text),
            Some(_) => terminal.paint(Tone::Good, &text),
            None => text,
        }
    };
    Some(format!(
        "{name:<32} {:>10}  {best_text:<24} {} {} {}",
        number(ours.median),
        ratio(best),
        ratio(Some(tokio(workload))),
        ratio(Some("floor")),
    ))
}

/// Returns the peer that stands for tokio.
pub(super) fn tokio(workload: &Workload) -> &'static str {
    match workload.family {
        "http" => "reqwest",
        "threads" => "tokio-mpsc",
        _ => "tokio-ct",
    }
}

/// Returns a figure's name with its unit.
pub(super) fn title(figure: &Figure) -> String {
    match figure.unit {
        "" => figure.name.to_owned(),
        unit if unit.starts_with('/') => format!("{}{unit}", figure.name),
        unit => format!("{} [{unit}]", figure.name),
    }
}

/// Returns a number in three figures.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        a if !a.is_finite() => "–".to_owned(),
        a if a >= 999.5 => thousands(value.round()),
        a if a >= 99.5 => format!("{value:.0}"),
        a if a >= 9.95 => format!("{value:.1}"),
        a if a >= 0.0995 || a == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{lines, number, thousands};
    use crate::bench::results::tests::sample;
    use crate::bench::spec::Workload;
    use crate::terminal::Terminal;

    #[test]
    fn numbers_have_three_figures() {
        for (value, text) in [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.4, "1,234"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(thousands(-1_234_567.0), "-1,234,567");
    }

    #[test]
    fn line_names_the_best_peer() {
        let found = lines(
            &sample(),
            Workload::find("yield").unwrap(),
            Terminal::detect(),
        );
        assert!(found[0].starts_with("yield · time [ns]"), "{found:?}");
        assert!(found[0].contains("20.0 monoio"), "{found:?}");
        assert!(found[0].contains("2.00"), "{found:?}");
    }
}
