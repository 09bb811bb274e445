//! What the programs have said, and what follows from several rounds of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;

use serde::{Deserialize, Serialize};

use super::spec::{Figure, Workload};
use crate::Result;

/// What we call ourselves.
pub(super) const OURS: &str = "aioli";

/// Ours with the primitives that stay on their thread.
pub(super) const OURS_LOCAL: &str = "aioli-local";

/// The kinds that nobody is compared with: the floors, and channels that promise less.
const SHOWN: [&str; 2] = ["bare", "unfair"];

/// Returns whether a participant is one of ours, in whatever setting.
pub(super) fn is_ours(name: &str) -> bool {
    let rest = name.strip_prefix(OURS);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// One line of a program, with the round it belongs to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) peer: String,
    pub(super) workload: String,
    #[serde(default)]
    pub(super) round: usize,
    #[serde(default)]
    pub(super) ops: f64,
    #[serde(default)]
    pub(super) wall_ns: f64,
    #[serde(default)]
    pub(super) cpu_ns: f64,
    #[serde(default)]
    pub(super) allocations: f64,
    #[serde(default)]
    pub(super) switches: f64,
    #[serde(default)]
    pub(super) peak_rss: f64,
    /// What a workload measures besides; what could not be measured is null.
    #[serde(default, rename = "figures", deserialize_with = "numbers")]
    pub(super) extra: BTreeMap<String, f64>,
    /// The program has no such workload.
    #[serde(default)]
    pub(super) unsupported: bool,
}

fn numbers<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let all = BTreeMap::<String, Option<f64>>::deserialize(from)?;
    Ok(all.into_iter().filter_map(|(k, v)| Some((k, v?))).collect())
}

impl Record {
    /// Returns a figure that one workload alone has, times `scale`.
    pub(super) fn figure(&self, name: &str, scale: f64) -> Option<f64> {
        self.extra.get(name).map(|value| value * scale)
    }
}

/// A median and the ends of the range around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Returns nothing of nothing.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Spread> {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let (min, max) = (*values.first()?, *values.last()?);
        let median = (values[(n - 1) / 2] + values[n / 2]) / 2.0;
        Some(Spread { median, min, max })
    }

    /// Returns how wide the range is, in medians.
    pub(super) fn width(&self) -> f64 {
        if self.median > 0.0 {
            (self.max - self.min) / self.median
        } else {
            0.0
        }
    }
}

/// Counts of one peer on one workload; what could not be counted is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Counts {
    pub(super) allocations: Option<f64>,
    pub(super) system_calls: Option<f64>,
}

/// Who took part, or why not.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) name: String,
    /// `shared`, `local` or `bare`.
    pub(super) kind: String,
    pub(super) families: Vec<String>,
    /// Its packages with their versions.
    pub(super) versions: Vec<String>,
    /// Why it is not here.
    pub(super) absent: Option<String>,
}

/// Everything that a run has measured so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) participants: Vec<Participant>,
    pub(super) records: Vec<Record>,
    pub(super) counts: BTreeMap<(String, String), Counts>,
    /// What went wrong, as `(workload, peer, what)`.
    pub(super) failures: Vec<(String, String, String)>,
    lines: Option<File>,
}

impl Results {
    /// Starts without results; every record goes to `lines` too.
    pub(super) fn new(participants: Vec<Participant>, lines: Option<File>) -> Results {
        Results {
            participants,
            lines,
            ..Results::default()
        }
    }

    /// Keeps a record.
    pub(super) fn add(&mut self, record: Record) -> Result {
        if let Some(lines) = &mut self.lines {
            writeln!(lines, "{}", serde_json::to_string(&record)?)?;
        }
        self.records.push(record);
        Ok(())
    }

    /// Returns the values of a figure, by round.
    pub(super) fn values(
        &self,
        workload: &Workload,
        figure: &Figure,
        peer: &str,
    ) -> Vec<(usize, f64)> {
        let records = self.records.iter();
        let of = records.filter(|r| r.workload == workload.name && r.peer == peer);
        of.filter_map(|r| Some((r.round, (figure.value)(r)?)))
            .collect()
    }

    /// Returns the spread of a figure over all rounds.
    pub(super) fn spread(
        &self,
        workload: &Workload,
        figure: &Figure,
        peer: &str,
    ) -> Option<Spread> {
        let values = self.values(workload, figure, peer);
        Spread::of(values.into_iter().map(|(_, value)| value).collect())
    }

    /// Returns which of ours a peer is compared with: one with primitives that stay on their thread
    /// with our own of that kind, where they take part.
    fn counterpart(&self, workload: &Workload, peer: &str) -> &'static str {
        let is_local = self
            .participants
            .iter()
            .any(|p| p.name == peer && p.kind == "local");
        let measured = |r: &Record| r.peer == OURS_LOCAL && r.workload == workload.name;
        match is_local && self.records.iter().any(measured) {
            true => OURS_LOCAL,
            false => OURS,
        }
    }

    /// Returns ours in terms of a peer's of the same kind: the median of the ratios of the same
    /// round, above one where ours is the worse.
    pub(super) fn ratio(&self, workload: &Workload, figure: &Figure, peer: &str) -> Option<Spread> {
        let theirs: BTreeMap<_, _> = self.values(workload, figure, peer).into_iter().collect();
        let ours = self.values(workload, figure, self.counterpart(workload, peer));
        let ours = ours.into_iter();
        let ratio = |(round, ours): (usize, f64)| {
            let theirs = *theirs.get(&round)?;
            let ratio = if figure.more_is_better {
                theirs / ours
            } else {
                ours / theirs
            };
            ratio.is_finite().then_some(ratio)
        };
        Spread::of(ours.filter_map(ratio).collect())
    }

    /// Returns the peer with the best median, ourselves and those aside that are shown and not
    /// compared; with `kind`, among those of this kind.
    pub(super) fn best(
        &self,
        workload: &Workload,
        figure: &Figure,
        kind: Option<&str>,
    ) -> Option<&str> {
        let peers = self.participants.iter();
        let peers = peers.filter(|p| !is_ours(&p.name) && !SHOWN.contains(&p.kind.as_str()));
        let peers = peers.filter(|p| kind.is_none_or(|kind| p.kind == kind));
        let medians = peers.filter_map(|p| {
            let spread = self.spread(workload, figure, &p.name)?;
            Some((p.name.as_str(), spread.median))
        });
        let better = |a: &(&str, f64), b: &(&str, f64)| {
            let order = a.1.total_cmp(&b.1);
            if figure.more_is_better {
                order.reverse()
            } else {
                order
            }
        };
        medians.min_by(better).map(|(name, _)| name)
    }

    /// Returns the workloads that have a result, in order.
    pub(super) fn workloads(&self) -> Vec<&'static Workload> {
        let measured = |w: &&Workload| self.records.iter().any(|r| r.workload == w.name);
        super::spec::WORKLOADS.iter().filter(measured).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Participant, Record, Results, Spread};
    use crate::bench::spec::Workload;

    /// Two rounds of `yield` by three participants.
    pub(crate) fn sample() -> Results {
        let participant = |name: &str, kind: &str| Participant {
            name: name.to_owned(),
            kind: kind.to_owned(),
            families: vec!["tasks".to_owned()],
            versions: vec![format!("{name} 1.0")],
            absent: None,
        };
        let mut results = Results::new(
            vec![
                participant("aioli", "shared"),
                participant("tokio-ct", "shared"),
                participant("monoio", "local"),
                participant("floor", "bare"),
            ],
            None,
        );
        for (round, scale) in [(0, 1.0), (1, 3.0)] {
            for (peer, ns) in [
                ("aioli", 20.0),
                ("tokio-ct", 60.0),
                ("monoio", 10.0),
                ("floor", 5.0),
            ] {
                let record = Record {
                    peer: peer.to_owned(),
                    workload: "yield".to_owned(),
                    round,
                    ops: 100.0,
                    wall_ns: ns * 100.0 * scale,
                    cpu_ns: ns * 100.0 * scale,
                    ..Record::default()
                };
                results.add(record).unwrap();
            }
        }
        results
    }

    #[test]
    fn medians() {
        assert_eq!(Spread::of(vec![]), None);
        let spread = Spread::of(vec![3.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 10.0));
        assert_eq!(spread.width(), 3.6);
    }

    #[test]
    fn local_peers_are_compared_with_our_local_primitives() {
        let mut results = sample();
        let workload = Workload::find("yield").unwrap();
        let ratio = |results: &Results, peer| {
            let ratio = results.ratio(workload, &workload.figures[0], peer);
            ratio.unwrap().median
        };
        assert_eq!(ratio(&results, "monoio"), 2.0);
        let record = Record {
            peer: "aioli-local".to_owned(),
            workload: "yield".to_owned(),
            ops: 100.0,
            wall_ns: 500.0,
            ..Record::default()
        };
        results.add(record).unwrap();
        assert_eq!(ratio(&results, "monoio"), 0.5);
        assert!(ratio(&results, "tokio-ct") < 0.34, "a shared one is not");
    }

    #[test]
    fn ratios_are_paired_by_round() {
        let results = sample();
        let workload = Workload::find("yield").unwrap();
        let figure = &workload.figures[0];
        let ratio = results.ratio(workload, figure, "tokio-ct").unwrap();
        // Every round is three times slower than the one before, and no ratio shows it.
        assert!((ratio.median - 1.0 / 3.0).abs() < 1e-9, "{ratio:?}");
        assert!(ratio.width() < 1e-9, "{ratio:?}");
        assert_eq!(results.best(workload, figure, None), Some("monoio"));
        assert_eq!(
            results.best(workload, figure, Some("shared")),
            Some("tokio-ct")
        );
        assert_eq!(results.workloads().len(), 1);
    }

    #[test]
    fn lines_of_programs_are_read() {
        let line = r#"{"peer":"p","workload":"w","ops":3,"figures":{"a":1.5,"b":null}}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(
            (record.ops, record.figure("a", 2.0), record.figure("b", 1.0)),
            (3.0, Some(3.0), None)
        );
        let line = r#"{"peer":"p","workload":"w","unsupported":true}"#;
        assert!(serde_json::from_str::<Record>(line).unwrap().unsupported);
    }
}
