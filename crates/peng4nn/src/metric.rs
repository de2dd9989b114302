//! What the values of recorded curves mean.

use clap::{Args, ValueEnum};
use peng_curves::Curve;
use peng_predict::{Goal, ValueRange};

use crate::exit::Failure;

/// A minimized metric has no natural upper end: without a given one, values above this many times
/// the median of the first values count as it, lest one exploded training set the scale.
const EXPLODED: f64 = 10.0;

/// What the values mean.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metric")]
pub(crate) struct Metric {
    /// Which way the metric gets better
    #[arg(long, value_enum, default_value_t = Way::Maximize)]
    goal: Way,
    /// The smallest value that can occur [default: 0]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    lower: Option<f64>,
    /// The largest value that can occur; a threshold in points is in percent of the range
    /// [default: 100 to maximize; to minimize the largest value in the file, of which more
    /// than 10 times the median of the first values does not count]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    upper: Option<f64>,
}

/// Which way the metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// An accuracy
    Maximize,
    /// A loss or an error
    Minimize,
}

impl Metric {
    pub(crate) fn goal(&self) -> Goal {
        match self.goal {
            Way::Maximize => Goal::Maximize,
            Way::Minimize => Goal::Minimize,
        }
    }

    /// The values that a file may hold.
    pub(crate) fn readable(&self) -> Result<ValueRange, Failure> {
        let upper = self.upper.unwrap_or(match self.goal {
            Way::Maximize => 100.0,
            Way::Minimize => ValueRange::LARGEST,
        });
        let range = ValueRange::new(self.lower.unwrap_or(0.0), upper);
        range.map_err(|error| Failure::input(anyhow::anyhow!("--lower, --upper: {error}")))
    }

    /// What may be wrong with values that can be: shares read as percent.
    pub(crate) fn doubt(&self, curves: &[Curve]) -> Option<&'static str> {
        let percent = self.goal == Way::Maximize && self.upper.is_none();
        let largest = largest(curves);
        (percent && largest > 0.0 && largest <= 1.0).then_some(
            "no value is above 1: if they are shares, --upper 1 would be right, for thresholds are \
             in percent of the range",
        )
    }

    /// The range of the metric, as given or as these curves have it; brings them into it.
    pub(crate) fn range(&self, curves: &mut [Curve]) -> Result<ValueRange, Failure> {
        let readable = self.readable()?;
        if self.upper.is_some() || self.goal == Way::Maximize {
            return Ok(readable);
        }
        let least = readable.lower();
        let upper = least + (largest(curves) - least).min(EXPLODED * (usual_first(curves) - least));
        let Ok(range) = ValueRange::new(least, upper) else {
            // Every value is the least: any scale will do.
            return Ok(readable);
        };
        for point in curves.iter_mut().flat_map(|curve| &mut curve.observations) {
            if point.value.is_finite() {
                point.value = point.value.min(upper);
            }
        }
        Ok(range)
    }
}

/// The largest finite value.
fn largest(curves: &[Curve]) -> f64 {
    let points = curves.iter().flat_map(|curve| &curve.observations);
    let values = points.map(|point| point.value);
    values
        .filter(|value| value.is_finite())
        .fold(f64::NEG_INFINITY, f64::max)
}

/// The median of the curves' first values; infinite where most of them are not finite.
fn usual_first(curves: &[Curve]) -> f64 {
    let mut first: Vec<f64> = curves
        .iter()
        .filter_map(|curve| curve.observations.first())
        .map(|point| {
            if point.value.is_nan() {
                f64::INFINITY
            } else {
                point.value
            }
        })
        .collect();
    first.sort_by(f64::total_cmp);
    first.get(first.len() / 2).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use peng_predict::{Epoch, Observation};

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        metric: Metric,
    }

    fn metric(flags: &[&str]) -> Metric {
        let flags = ["test"].iter().chain(flags);
        Flags::try_parse_from(flags).unwrap().metric
    }

    fn losses(curves: &[&[f64]]) -> Vec<Curve> {
        let curve = |values: &&[f64]| Curve {
            id: String::new(),
            schedule: None,
            observations: (1..)
                .map(f64::from)
                .zip(values.iter())
                .map(|(epoch, &value)| Observation::new(Epoch::new(epoch).unwrap(), value))
                .collect(),
        };
        curves.iter().map(curve).collect()
    }

    fn ends(flags: &[&str], curves: &mut [Curve]) -> (f64, f64) {
        let range = metric(flags).range(curves).unwrap();
        (range.lower(), range.upper())
    }

    #[test]
    fn a_range_is_given_or_percent() {
        let mut curves = losses(&[&[3.0, 1.0]]);
        assert_eq!(ends(&[], &mut curves), (0.0, 100.0));
        let given = ["--goal", "minimize", "--lower", "-1", "--upper", "7"];
        assert_eq!(ends(&given, &mut curves), (-1.0, 7.0));
        assert!(metric(&["--lower", "100"]).readable().is_err());
    }

    #[test]
    fn shares_read_as_percent_are_doubted() {
        let shares = losses(&[&[0.5, f64::NAN], &[0.9, 1.0]]);
        assert!(metric(&[]).doubt(&shares).is_some());
        assert!(metric(&["--upper", "1"]).doubt(&shares).is_none());
        assert!(metric(&["--goal", "minimize"]).doubt(&shares).is_none());
        for percent in [&[0.5, 1.5][..], &[0.0, 0.0]] {
            assert!(metric(&[]).doubt(&losses(&[percent])).is_none());
        }
    }

    #[test]
    fn losses_end_at_the_largest_that_is_not_exploded() {
        let minimize = ["--goal", "minimize"];
        let mut curves = losses(&[&[3.0, 1.0], &[2.0, 2.5], &[f64::NAN]]);
        assert_eq!(ends(&minimize, &mut curves), (0.0, 3.0));
        let mut curves = losses(&[&[3.0, 1.0], &[2.0, 1e9], &[2.5, f64::NAN]]);
        assert_eq!(ends(&minimize, &mut curves), (0.0, 25.0));
        assert!((curves[1].observations[1].value - 25.0).abs() < 1e-12);
        assert!(curves[2].observations[1].value.is_nan());
        let mut curves = losses(&[&[0.0, 0.0]]);
        assert!(metric(&minimize).range(&mut curves).is_ok());
    }
}
