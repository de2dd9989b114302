//! What a worker gets to do.

use std::time::{Duration, SystemTime};

use peng_search::{Genome, Network, Space};

use super::{Training, parse_space};
use crate::{error::Error, names, v1};

/// A candidate lent to a worker, with everything needed to train it.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The candidate.
    pub candidate: names::Candidate,
    /// How long the worker has it.
    pub lease: Lease,
    /// What the genome is taken from.
    pub space: Space,
    /// The candidate's genome.
    pub genome: Genome,
    /// The network that the genome describes.
    pub network: Network,
    /// The seed of its initial weights and of the order of its images, below 2^63.
    pub seed: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How to train it.
    pub training: Training,
    /// The trial to report to; it exists.
    pub trial: names::Trial,
    /// Whether the trial is that of an attempt before, to be rolled back to where this one goes on.
    pub continued: bool,
    /// The prediction server, `http://host:port`; `None` means that of the
    /// service that gave the assignment.
    pub predictor: Option<String>,
}

/// The loan of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Proves that the lease is this one; handed back in every call about it.
    pub token: String,
    /// When it is lost unless it is renewed.
    pub expires: SystemTime,
    /// How long a renewal lasts, above zero; renew after a third of it.
    pub duration: Duration,
}

impl Assignment {
    /// Reads an assignment.
    pub fn parse(wire: v1::Assignment) -> Result<Self, Error> {
        let candidate = wire
            .candidate
            .ok_or_else(|| missing("candidate", "a candidate"))?;
        let lease = wire.lease.ok_or_else(|| missing("lease", "a lease"))?;
        let training = wire
            .training
            .ok_or_else(|| missing("training", "a training"))?;
        let space = parse_space("candidate.space", candidate.space)?;
        let of_genome = |error: &dyn std::fmt::Display| Error::field("candidate.genome", error);
        let genome: Genome = candidate
            .genome
            .parse()
            .map_err(|error| of_genome(&error))?;
        let network = space.decode(&genome).map_err(|error| of_genome(&error))?;
        Ok(Self {
            candidate: candidate
                .name
                .parse()
                .map_err(|error| Error::field("candidate.name", error))?,
            lease: Lease::parse(lease).map_err(|error| error.within("lease"))?,
            space,
            genome,
            network,
            seed: candidate.seed,
            attempt: candidate.attempt,
            training: Training::parse(training).map_err(|error| error.within("training"))?,
            trial: wire
                .trial
                .parse()
                .map_err(|error| Error::field("trial", error))?,
            continued: wire.continued,
            predictor: Some(wire.predictor).filter(|address| !address.is_empty()),
        })
    }
}

impl Lease {
    /// Reads a lease.
    pub fn parse(wire: v1::Lease) -> Result<Self, Error> {
        if wire.token.is_empty() {
            return Err(missing("token", "the token of a lease"));
        }
        let duration = wire.duration.and_then(|wire| Duration::try_from(wire).ok());
        Ok(Self {
            token: wire.token,
            expires: wire
                .expire_time
                .and_then(|time| SystemTime::try_from(time).ok())
                .ok_or_else(|| missing("expire_time", "a time"))?,
            duration: duration
                .filter(|duration| !duration.is_zero())
                .ok_or_else(|| missing("duration", "a duration above 0"))?,
        })
    }

    /// The lease for the wire.
    pub fn to_wire(&self) -> v1::Lease {
        v1::Lease {
            token: self.token.clone(),
            expire_time: Some(self.expires.into()),
            duration: prost_types::Duration::try_from(self.duration).ok(),
        }
    }
}

fn missing(field: &str, right: &str) -> Error {
    Error::field(
        field,
        format!("is missing or no such thing; {right} would be right"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut v1::Assignment);

    fn wire() -> v1::Assignment {
        let space = v1::MacroSpace {
            nodes: 3,
            channels: vec![8, 16],
            input_channels: 1,
            input_height: 28,
            input_width: 28,
            classes: 10,
        };
        let lease = Lease {
            token: "0123456789abcdef".to_owned(),
            expires: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
            duration: Duration::from_secs(30),
        };
        v1::Assignment {
            continued: true,
            candidate: Some(v1::Candidate {
                name: "searches/demo/candidates/c0003".to_owned(),
                space: Some(v1::Space {
                    space: Some(v1::space::Space::Macro(space)),
                }),
                genome: "1101-0110".to_owned(),
                seed: 7,
                attempt: 2,
                ..v1::Candidate::default()
            }),
            lease: Some(lease.to_wire()),
            training: Some(v1::Training {
                dataset: "fashion-mnist".to_owned(),
                epochs: 12,
                validation_images: 5_000,
                batch_size: 64,
                learning_rate: 0.05,
                ..v1::Training::default()
            }),
            trial: "experiments/demo/trials/c0003-2".to_owned(),
            predictor: String::new(),
        }
    }

    #[test]
    fn an_assignment_is_read_whole() {
        let assignment = Assignment::parse(wire()).unwrap();
        assert_eq!(assignment.genome.to_string(), "1101-0110");
        assert_eq!(assignment.lease.duration, Duration::from_secs(30));
        assert_eq!(Some(assignment.lease.to_wire()), wire().lease);
        assert_eq!(assignment.predictor, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let changes: [(&str, Change); 6] = [
            ("candidate", |a| a.candidate = None),
            ("lease.token", |a| a.lease.as_mut().unwrap().token.clear()),
            ("lease.duration", |a| {
                a.lease.as_mut().unwrap().duration = None;
            }),
            ("training.epochs", |a| {
                a.training.as_mut().unwrap().epochs = 0;
            }),
            ("candidate.genome", |a| {
                a.candidate.as_mut().unwrap().genome = "1101".to_owned();
            }),
            ("trial", |a| a.trial.clear()),
        ];
        for (field, change) in changes {
            let mut wire = wire();
            change(&mut wire);
            assert_eq!(Assignment::parse(wire).unwrap_err().fields[0].0, field);
        }
    }
}
