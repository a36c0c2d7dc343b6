//! The server from outside while it sells: memory and descriptors, again and again.
//!
//! Invariant: what grew is told by medians of spans, not by two looks: one look may fall into a merge of the journal.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::scene::Scene;
use crate::bench::rounds::median;

/// Caches fill and the stock comes to its level in this time, or in a fifth of a shorter run.
const SETTLES_IN: Duration = Duration::from_mins(2);
/// What is compared with each other, or a tenth of a shorter run.
const SPAN: Duration = Duration::from_mins(1);
/// How often it is looked at, or a hundred and twenty times in a shorter run.
const EVERY: Duration = Duration::from_secs(5);

/// One look.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Since the load began.
    at: Duration,
    resident_mb: f64,
    proportional_mb: f64,
    descriptors: f64,
}

/// All looks of a run.
pub(super) struct Watch {
    length: Duration,
    looks: Vec<Look>,
}

/// A figure at the beginning, once it has settled, and at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) before: f64,
    pub(super) after: f64,
}

impl Course {
    /// How much was added, as a share of what was there.
    pub(super) fn growth(self) -> f64 {
        (self.after - self.before) / self.before
    }
}

/// What grew, and what did not.
pub(super) struct Courses {
    pub(super) resident_mb: Course,
    pub(super) proportional_mb: Course,
    pub(super) descriptors: Course,
    /// Resident memory by tenths of the run, MB: whether it goes on growing, or had not settled.
    pub(super) tenths: Vec<f64>,
    /// From the middle of the one span to the middle of the other.
    pub(super) apart: Duration,
}

impl Watch {
    /// Looks until so much time has passed since `begun`; `also` is called at each look.
    pub(super) fn over(
        scene: &mut Scene,
        begun: Instant,
        length: Duration,
        mut also: impl FnMut(&mut Scene) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let every = EVERY.min(length / 120);
        let mut looks = Vec::new();
        for number in 0_u32.. {
            let due = every * number;
            if due >= length {
                break;
            }
            std::thread::sleep((begun + due).saturating_duration_since(Instant::now()));
            let server = &scene.stage.server;
            looks.push(Look {
                at: begun.elapsed(),
                resident_mb: server.resident_mb()?,
                proportional_mb: server.proportional_mb()?,
                descriptors: server.descriptors()? as f64,
            });
            also(scene)?;
        }
        std::thread::sleep((begun + length).saturating_duration_since(Instant::now()));
        Ok(Self { length, looks })
    }

    /// Compares the end with the time when all had settled.
    pub(super) fn courses(&self) -> anyhow::Result<Courses> {
        let (settled, span) = (SETTLES_IN.min(self.length / 5), SPAN.min(self.length / 10));
        let last = self.length.saturating_sub(span);
        let course = |of: fn(&Look) -> f64| {
            let within = |from: Duration| {
                let looks = self.looks.iter().filter(|look| look.at >= from && look.at < from + span);
                let values: Vec<f64> = looks.map(of).collect();
                (!values.is_empty()).then(|| median(&values)).context("the server was not looked at in time")
            };
            anyhow::Ok(Course { before: within(settled)?, after: within(last)? })
        };
        let tenth = |number: u32| {
            let (from, to) = (self.length * number / 10, self.length * (number + 1) / 10);
            let looks = self.looks.iter().filter(|look| look.at >= from && look.at < to);
            median(&looks.map(|look| look.resident_mb).collect::<Vec<_>>())
        };
        Ok(Courses {
            resident_mb: course(|look| look.resident_mb)?,
            proportional_mb: course(|look| look.proportional_mb)?,
            descriptors: course(|look| look.descriptors)?,
            tenths: (0..10).map(tenth).collect(),
            apart: last.saturating_sub(settled),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(length_s: u64, megabytes: impl Fn(f64) -> f64) -> Watch {
        let length = Duration::from_secs(length_s);
        let looks = (0..120).map(|number| {
            let at = length / 120 * number;
            let resident_mb = megabytes(at.as_secs_f64());
            Look { at, resident_mb, proportional_mb: resident_mb - 5.0, descriptors: 40.0 }
        });
        Watch { length, looks: looks.collect() }
    }

    #[test]
    fn growth_counts_from_when_it_has_settled() {
        let settling = watch(600, |at| 100.0 + at.min(120.0)).courses().unwrap();
        assert!(settling.resident_mb.growth().abs() < 1e-9, "{:?}", settling.resident_mb);
        assert_eq!(settling.apart, Duration::from_mins(7));
        let leaking = watch(600, |at| 100.0 + at / 10.0).courses().unwrap();
        assert!((leaking.resident_mb.before - 114.75).abs() < 0.1, "{:?}", leaking.resident_mb);
        assert!((leaking.resident_mb.growth() - 42.0 / 114.75).abs() < 0.01);
        assert!(leaking.descriptors.growth().abs() < 1e-9);
    }

    #[test]
    fn one_high_look_is_no_growth() {
        let peaks = watch(600, |at| if (at - 570.0).abs() < 1.0 { 500.0 } else { 100.0 });
        assert!(peaks.courses().unwrap().resident_mb.growth().abs() < 1e-9);
    }

    #[test]
    fn a_short_run_has_short_spans() {
        let courses = watch(60, |at| if at < 54.0 { 100.0 } else { 120.0 }).courses().unwrap();
        assert!((courses.resident_mb.growth() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn without_looks_nothing_is_claimed() {
        assert!(Watch { length: Duration::from_mins(1), looks: Vec::new() }.courses().is_err());
    }
}
