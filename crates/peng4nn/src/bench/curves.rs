//! Recorded curves as trials report them.

use peng_predict::Observation;
use peng_proto::v1;

/// The values of trials by epoch, from 1; trials take the curves in turn.
#[derive(Debug)]
pub(super) struct Curves {
    values: Vec<Vec<f64>>,
}

impl Curves {
    /// Each curve with `epochs` values: its first ones, or all of it stretched.
    pub(super) fn new(curves: &[peng_curves::Curve], epochs: u32) -> Self {
        let values = curves
            .iter()
            .map(|curve| resize(&curve.observations, epochs));
        Self {
            values: values.collect(),
        }
    }

    /// The observation of a trial, by its number, at an epoch.
    pub(super) fn observation(&self, trial: u32, epoch: u32) -> v1::Observation {
        let curve = &self.values[trial as usize % self.values.len()];
        v1::Observation {
            epoch: epoch.into(),
            value: curve[epoch as usize - 1],
        }
    }
}

fn resize(curve: &[Observation], epochs: u32) -> Vec<f64> {
    let last = curve.len() - 1;
    let steps = (epochs as usize - 1).max(1);
    let value = |epoch: usize| {
        if curve.len() >= epochs as usize {
            return curve[epoch].value;
        }
        let (before, rest) = (epoch * last / steps, epoch * last % steps);
        if rest == 0 {
            return curve[before].value;
        }
        let part = rest as f64 / steps as f64;
        curve[before].value * (1.0 - part) + curve[before + 1].value * part
    };
    (0..epochs as usize).map(value).collect()
}

#[cfg(test)]
mod tests {
    use peng_predict::Epoch;

    use super::*;

    #[test]
    fn curves_are_cut_or_stretched_and_taken_in_turn() {
        let curve = |values: &[f64]| peng_curves::Curve {
            id: String::new(),
            schedule: None,
            observations: (1..)
                .zip(values)
                .map(|(epoch, value)| Observation {
                    epoch: Epoch::new(f64::from(epoch)).unwrap(),
                    value: *value,
                })
                .collect(),
        };
        let recorded = [curve(&[1.0, 2.0, 4.0]), curve(&[7.0])];
        let values = |epochs: u32, trial| {
            let curves = Curves::new(&recorded, epochs);
            let values: Vec<f64> = (1..=epochs)
                .map(|epoch| curves.observation(trial, epoch).value)
                .collect();
            values
        };
        assert_eq!(values(2, 0), [1.0, 2.0]);
        assert_eq!(values(5, 2), [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(values(1, 1), [7.0]);
        assert_eq!(values(3, 3), [7.0, 7.0, 7.0]);
    }
}
