//! What a slot is at, for whoever shows it to people.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Takes what a slot is at, whenever it changes; called on the runtime, so it must not wait.
pub type Show = Arc<dyn Fn(&Progress) + Send + Sync>;

/// What a slot is at. Its text is one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The slot's name.
    pub slot: String,
    /// What it trains; `None` while it waits for a candidate.
    pub candidate: Option<Candidate>,
}

/// A candidate in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its id in the search.
    pub id: String,
    /// Epochs of a whole training.
    pub epochs: u32,
    /// What was measured last; `None` before the first time.
    pub last: Option<Measured>,
    /// Its lease.
    pub held: Held,
}

/// A lease, for whoever has to give it back where the slot no longer can.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The candidate, `searches/{search}/candidates/{candidate}`.
    pub candidate: String,
    /// What proves that the lease is this one; a secret.
    pub token: String,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("candidate", &self.candidate)
            .finish_non_exhaustive()
    }
}

/// A measurement that is decided on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Epochs trained, above 0.
    pub epoch: f64,
    /// Images trained on per second, validation included.
    pub images_per_second: f64,
    /// The accuracy on the validation images in percent; NaN if the training diverged.
    pub accuracy: f64,
    /// The accuracy that is predicted for the last epoch, if the curve allows a prediction yet.
    pub prediction: Option<f64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", self.slot)?;
        let Some(candidate) = &self.candidate else {
            return f.write_str("waits for a candidate");
        };
        let Candidate {
            id, epochs, last, ..
        } = candidate;
        let Some(last) = last else {
            return write!(f, "{id}  begins, {epochs} epochs");
        };
        let Measured {
            epoch,
            images_per_second,
            accuracy,
            prediction,
        } = last;
        let epoch = (epoch * 1e3).round() / 1e3;
        write!(
            f,
            "{id}  epoch {epoch} of {epochs}, {images_per_second:.0} images/s"
        )?;
        if !accuracy.is_finite() {
            return f.write_str(", diverged");
        }
        write!(f, ", {accuracy:.2} %")?;
        match prediction {
            Some(prediction) => write!(f, ", {prediction:.2} % predicted"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_line() {
        let measured = |epoch, accuracy, prediction| Measured {
            epoch,
            images_per_second: 1_234.4,
            accuracy,
            prediction,
        };
        let candidate = |last| {
            Some(Candidate {
                id: "c0007".to_owned(),
                epochs: 12,
                last,
                held: Held {
                    candidate: "searches/s/candidates/c0007".to_owned(),
                    token: "secret".to_owned(),
                },
            })
        };
        let lines: Vec<_> = [
            None,
            candidate(None),
            candidate(Some(measured(1.0 / 3.0, 61.0, None))),
            candidate(Some(measured(5.0, 86.534, Some(88.1)))),
            candidate(Some(measured(6.0, f64::NAN, Some(88.1)))),
        ]
        .map(|candidate| {
            let slot = "node-1/cuda:0".to_owned();
            Progress { slot, candidate }.to_string()
        })
        .into();
        insta::assert_snapshot!(lines.join("\n"), @r"
        node-1/cuda:0  waits for a candidate
        node-1/cuda:0  c0007  begins, 12 epochs
        node-1/cuda:0  c0007  epoch 0.333 of 12, 1234 images/s, 61.00 %
        node-1/cuda:0  c0007  epoch 5 of 12, 1234 images/s, 86.53 %, 88.10 % predicted
        node-1/cuda:0  c0007  epoch 6 of 12, 1234 images/s, diverged
        ");
    }
}
