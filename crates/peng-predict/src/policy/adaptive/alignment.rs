//! Like places in trainings whose learning rates run differently.

use crate::epoch::Epoch;
use crate::rate::{Schedule, Shape};

/// How much a trial tells of one that declares its schedule where it declares none, or the other
/// way round: it may be the same.
const UNTOLD: f64 = 0.5;
/// How much a trial tells at least, however its schedule differs.
const UNLIKE: f64 = 0.2;
/// Shares of the target closer than this are one.
pub(super) const ROUNDING: f64 = 1e-6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Constant,
    Steps,
    Cosine,
}

/// The stages of a training: the warm-up, and what lies between the steps of its rate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stages {
    kind: Kind,
    /// Where stages but the last end, as shares of the target, ascending, in (0, 1).
    ends: Vec<f64>,
    is_warmed_up: bool,
    /// Logarithm of what a step leaves.
    drop: f64,
}

impl Stages {
    /// Those of a schedule up to the target.
    pub(super) fn new(schedule: &Schedule, target: Epoch) -> Self {
        let share = |epoch: f64| epoch / target.get();
        let is_warmed_up = schedule.warm_up() > 0.0 && share(schedule.warm_up()) < 1.0;
        let mut ends = Vec::new();
        if is_warmed_up {
            ends.push(share(schedule.warm_up()));
        }
        let (kind, drop) = match schedule.shape() {
            Shape::Steps { epochs, factor } if epochs[0] < target && *factor < 1.0 => {
                ends.extend(epochs.iter().map(|epoch| share(epoch.get())));
                (Kind::Steps, factor.ln())
            }
            Shape::Cosine => (Kind::Cosine, 0.0),
            Shape::Constant | Shape::Steps { .. } => (Kind::Constant, 0.0),
        };
        ends.retain(|end| *end < 1.0);
        ends.sort_unstable_by(f64::total_cmp);
        Self {
            kind,
            ends,
            is_warmed_up,
            drop,
        }
    }

    /// Whether a step is yet to come for a training that is at this share of the target.
    pub(super) fn is_step_ahead(&self, at: f64) -> bool {
        self.kind == Kind::Steps && self.ends.last().is_some_and(|last| at <= last + ROUNDING)
    }

    /// In which stage a share of the target is, from 0.
    pub(super) fn stage(&self, at: f64) -> usize {
        self.ends.partition_point(|end| end + ROUNDING < at)
    }

    /// Whether the stages of both correspond to each other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.ends.len() == other.ends.len()
            && self.is_warmed_up == other.is_warmed_up
    }

    /// Where another training is when it is as far as this one is at that share of the target: if
    /// their stages correspond, in the same stage, and as long after its beginning or at its end.
    pub(super) fn place(&self, other: &Self, at: f64) -> f64 {
        if !self.is_like(other) {
            return at;
        }
        let stage = self.stage(at);
        let bounds = |ends: &[f64]| {
            let from = stage.checked_sub(1).map_or(0.0, |before| ends[before]);
            (from, ends.get(stage).copied().unwrap_or(1.0))
        };
        let ((from, _), (other_from, other_to)) = (bounds(&self.ends), bounds(&other.ends));
        (other_from + (at - from)).min(other_to)
    }

    /// How much a training that runs like the other one tells of one that runs like this, 0.2
    /// to 1: the share of the training in which stages of the same length overlap, times the ratio
    /// of the drops.
    fn likeness(&self, other: &Self) -> f64 {
        if !self.is_like(other) {
            return UNLIKE;
        }
        let lengths = |ends: &[f64]| {
            let upto = ends.iter().copied().chain([1.0]).collect::<Vec<_>>();
            let from = [0.0].into_iter().chain(ends.iter().copied());
            upto.into_iter()
                .zip(from)
                .map(|(to, from)| to - from)
                .collect::<Vec<_>>()
        };
        let pairs = lengths(&self.ends).into_iter().zip(lengths(&other.ends));
        let common: f64 = pairs.map(|(own, other)| own.min(other)).sum();
        let drops = match self.kind {
            Kind::Steps => (self.drop / other.drop).min(other.drop / self.drop),
            Kind::Constant | Kind::Cosine => 1.0,
        };
        (common * drops).max(UNLIKE)
    }
}

/// [`Stages::likeness`], where either may be untold.
pub(super) fn likeness(own: Option<&Stages>, other: Option<&Stages>) -> f64 {
    match (own, other) {
        (None, None) => 1.0,
        (Some(own), Some(other)) if own == other => 1.0,
        (Some(own), Some(other)) => own.likeness(other),
        (None, Some(_)) | (Some(_), None) => UNTOLD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(schedule: &str) -> Stages {
        Stages::new(&schedule.parse().unwrap(), Epoch::new(100.0).unwrap())
    }

    #[test]
    fn steps_are_mapped_on_steps_and_what_follows_on_what_follows() {
        let (early, late) = (stages("steps=20,40"), stages("steps=60,80"));
        // As long after the step before, but not beyond the next one.
        for (at, there) in [
            (0.1, 0.1),
            (0.2, 0.2),
            (0.3, 0.7),
            (0.4, 0.8),
            (0.5, 0.9),
            (0.9, 1.0),
        ] {
            assert!((early.place(&late, at) - there).abs() < 1e-12, "{at}");
            assert_eq!(early.stage(at), late.stage(there), "{at}");
        }
        for (at, there) in [(0.1, 0.1), (0.5, 0.2), (0.61, 0.21), (0.8, 0.4), (1.0, 0.6)] {
            assert!((late.place(&early, at) - there).abs() < 1e-12, "{at}");
            assert_eq!(late.stage(at), early.stage(there), "{at}");
        }
        let one = stages("steps=50");
        assert!((early.place(&one, 0.3) - 0.3).abs() < 1e-12, "not alike");
    }

    #[test]
    fn what_runs_alike_tells_more() {
        let own = stages("steps=50");
        let of = |schedule: &str| likeness(Some(&own), Some(&stages(schedule)));
        assert!((of("steps=50") - 1.0).abs() < 1e-12);
        assert!((of("steps=60") - 0.9).abs() < 1e-12 && (of("steps=30") - 0.8).abs() < 1e-12);
        assert!((of("steps=50*0.01") - 0.5).abs() < 1e-12);
        for unlike in ["constant", "cosine", "steps=50,60", "steps=50+warm-up=5"] {
            assert!((of(unlike) - UNLIKE).abs() < 1e-12, "{unlike}");
        }
        assert!((likeness(Some(&own), None) - UNTOLD).abs() < 1e-12);
    }

    #[test]
    fn steps_that_are_never_taken_are_none() {
        for never in [
            "steps=100",
            "steps=300",
            "steps=50*1",
            "constant+warm-up=200",
        ] {
            assert_eq!(stages(never), stages("constant"), "{never}");
        }
        assert!(stages("steps=50").is_step_ahead(0.5) && !stages("steps=50").is_step_ahead(0.51));
        assert!(!stages("cosine+warm-up=50").is_step_ahead(0.1));
    }
}
