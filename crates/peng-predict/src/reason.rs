//! Why a verdict was given.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::epoch::Epoch;
use crate::fit;

/// Why a verdict was given, with the numbers that decided it; [`fmt::Display`] explains it in a
/// sentence.
///
/// All numbers are finite. A *point* is a percent of the metric's range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// CONTINUE: the policy does not judge so short a curve.
    TooFewObservations {
        /// How many there are.
        observations: usize,
        /// How many the policy needs.
        needed: usize,
    },
    /// CONTINUE: the predictions still move.
    Unsettled {
        /// Consecutive usable predictions, at most `window`.
        predictions: usize,
        /// How many must agree.
        window: usize,
        /// Their largest distance from their median, in points; none while they are too few.
        spread: Option<f64>,
        /// The distance allowed, in points.
        radius: f64,
        /// Whether they lie in the metric's range.
        in_range: bool,
    },
    /// CONTINUE: no curve could be fitted.
    NoFit {
        /// Why not.
        why: fit::Failure,
    },
    /// CONTINUE: the target epoch is reached, so that the fitness is measured, not predicted.
    Complete {
        /// The epoch at which it was measured.
        epoch: Epoch,
    },
    /// CONTINUE: the time for a decision ran out.
    Stale,
    /// CONTINUE: a rule that compares values has nothing against the trial.
    Passed {
        /// The epoch at which the rule compared.
        epoch: Epoch,
        /// The trial's value, in the metric's unit.
        value: f64,
        /// The value it had to reach, in the metric's unit; none where the rule does not compare
        /// at this epoch, or has nothing to compare with yet.
        threshold: Option<f64>,
    },
    /// CONTINUE: too few trials have ended to judge this one by.
    Learning {
        /// How many have.
        trials: usize,
        /// How many it takes.
        needed: usize,
    },
    /// CONTINUE: not too unlikely to end among the best.
    Promising {
        /// The chance of it, in [0, 1].
        probability: f64,
        /// The least chance allowed, in [0, 1].
        threshold: f64,
    },
    /// CONTINUE: would be stopped, but is one of the trials from which calibration is measured.
    Explored {
        /// The chance of ending among the best, in [0, 1].
        probability: f64,
        /// The least chance allowed otherwise, in [0, 1].
        threshold: f64,
    },
    /// STOP: one of the best, and the fitness is known well enough; of the code
    /// [`ReasonCode::Converged`].
    Known {
        /// Half the width of the 90 % interval, in the metric's unit.
        half_width: f64,
        /// The half-width that is close enough, in the metric's unit.
        accuracy: f64,
    },
    /// STOP: the prediction has settled.
    Converged {
        /// How many predictions agree.
        window: usize,
        /// Their largest distance from their median, in points.
        spread: f64,
        /// The distance allowed, in points.
        radius: f64,
    },
    /// STOP: too unlikely to end among the best.
    Dominated {
        /// The chance of it, in [0, 1].
        probability: f64,
        /// The least chance allowed, in [0, 1].
        threshold: f64,
    },
    /// STOP: the value no longer gets better.
    Plateau {
        /// Over how many observations.
        observations: usize,
        /// By how much it got better, in points.
        gain: f64,
        /// The least gain asked for, in points.
        least: f64,
    },
    /// STOP: the value is not a finite number.
    Diverged {
        /// When that was observed.
        epoch: Epoch,
    },
    /// STOP: a rule that compares with other trials, or a fixed budget, ended it.
    Rule {
        /// The epoch at which the rule compared.
        epoch: Epoch,
        /// The trial's value, in the metric's unit.
        value: f64,
        /// The value it had to reach, in the metric's unit; none for a fixed budget.
        threshold: Option<f64>,
    },
    /// CONTINUE or STOP as the policy is set: the network has learned nothing yet.
    NeverLearns {
        /// The best value so far, in the metric's unit.
        value: f64,
    },
}

/// The kind of a [`Reason`], without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// See [`Reason::TooFewObservations`].
    TooFewObservations,
    /// See [`Reason::Unsettled`].
    Unsettled,
    /// See [`Reason::NoFit`].
    NoFit,
    /// See [`Reason::Complete`].
    Complete,
    /// See [`Reason::Stale`].
    Stale,
    /// See [`Reason::Passed`].
    Passed,
    /// See [`Reason::Learning`].
    Learning,
    /// See [`Reason::Promising`].
    Promising,
    /// See [`Reason::Explored`].
    Explored,
    /// See [`Reason::Converged`] and [`Reason::Known`].
    Converged,
    /// See [`Reason::Dominated`].
    Dominated,
    /// See [`Reason::Plateau`].
    Plateau,
    /// See [`Reason::Diverged`].
    Diverged,
    /// See [`Reason::Rule`].
    Rule,
    /// See [`Reason::NeverLearns`].
    NeverLearns,
}

impl Reason {
    /// The kind of reason.
    pub const fn code(&self) -> ReasonCode {
        match self {
            Self::TooFewObservations { .. } => ReasonCode::TooFewObservations,
            Self::Unsettled { .. } => ReasonCode::Unsettled,
            Self::NoFit { .. } => ReasonCode::NoFit,
            Self::Complete { .. } => ReasonCode::Complete,
            Self::Stale => ReasonCode::Stale,
            Self::Passed { .. } => ReasonCode::Passed,
            Self::Learning { .. } => ReasonCode::Learning,
            Self::Promising { .. } => ReasonCode::Promising,
            Self::Explored { .. } => ReasonCode::Explored,
            Self::Converged { .. } | Self::Known { .. } => ReasonCode::Converged,
            Self::Dominated { .. } => ReasonCode::Dominated,
            Self::Plateau { .. } => ReasonCode::Plateau,
            Self::Diverged { .. } => ReasonCode::Diverged,
            Self::Rule { .. } => ReasonCode::Rule,
            Self::NeverLearns { .. } => ReasonCode::NeverLearns,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewObservations {
                observations,
                needed,
            } => write!(
                f,
                "{observations} of the {needed} observations a prediction needs"
            ),
            Self::Unsettled {
                predictions,
                window,
                spread: None,
                ..
            } => write!(
                f,
                "{predictions} of the {window} predictions that must agree"
            ),
            Self::Unsettled {
                window,
                spread: Some(spread),
                radius,
                in_range,
                ..
            } => unsettled(f, *window, *spread, *radius, *in_range),
            Self::NoFit { why } => write!(f, "no curve fits: {why}"),
            Self::Complete { epoch } => {
                write!(
                    f,
                    "the target is reached; the fitness was measured at epoch {epoch}"
                )
            }
            Self::Stale => f.write_str("the time for a decision ran out"),
            Self::Passed {
                epoch,
                value,
                threshold: Some(threshold),
            } => write!(f, "{value} at epoch {epoch} is as good as {threshold}"),
            Self::Passed { epoch, .. } => write!(f, "nothing to compare with at epoch {epoch}"),
            Self::Learning { trials, needed } => write!(
                f,
                "{trials} of the {needed} ended trials that it takes to judge this one"
            ),
            Self::Promising {
                probability,
                threshold,
            } => promising(f, *probability, *threshold),
            Self::Explored { probability, .. } => write!(
                f,
                "trained on to check the predictions; the chance of ending among the best is \
                 {probability:.4}"
            ),
            Self::Known {
                half_width,
                accuracy,
            } => write!(
                f,
                "one of the best, known to {half_width:.4}; {accuracy} is close enough"
            ),
            Self::Converged {
                window,
                spread,
                radius,
            } => write!(
                f,
                "the last {window} predictions lie within {spread:.3} points of their median, \
                 {radius} allowed"
            ),
            Self::Dominated {
                probability,
                threshold,
            } => write!(
                f,
                "the chance of ending among the best is {probability:.4}, below {threshold:.4}"
            ),
            Self::Plateau {
                observations,
                gain,
                least,
            } => write!(
                f,
                "{gain:.3} points gained in {observations} observations, {least} asked for"
            ),
            Self::Diverged { epoch } => {
                write!(f, "the value at epoch {epoch} is not a finite number")
            }
            Self::Rule {
                epoch,
                value,
                threshold: Some(threshold),
            } => write!(f, "{value} at epoch {epoch} is not as good as {threshold}"),
            Self::Rule { epoch, .. } => write!(f, "the budget ended at epoch {epoch}"),
            Self::NeverLearns { value } => {
                write!(f, "nothing learned yet: the best value so far is {value}")
            }
        }
    }
}

fn promising(f: &mut fmt::Formatter<'_>, probability: f64, threshold: f64) -> fmt::Result {
    if probability < threshold {
        write!(
            f,
            "the chance of ending among the best is {probability:.4}, below {threshold:.4}, but \
             where it would end is not known well enough yet"
        )
    } else {
        write!(
            f,
            "the chance of ending among the best is {probability:.2}, stopped below {threshold:.4}"
        )
    }
}

fn unsettled(
    f: &mut fmt::Formatter<'_>,
    window: usize,
    spread: f64,
    radius: f64,
    in_range: bool,
) -> fmt::Result {
    if in_range {
        write!(
            f,
            "the last {window} predictions lie up to {spread:.3} points from their median, \
             {radius} allowed"
        )
    } else {
        write!(f, "the last {window} predictions leave the metric's range")
    }
}
