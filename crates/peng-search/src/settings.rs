//! What a search is told before it starts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::space::Space;

/// Longest lease that can be set: a year.
pub const MAX_LEASE: Duration = Duration::from_hours(365 * 24);
/// Largest population of NSGA-II, whose sorting compares every two.
pub const MAX_POPULATION: u32 = 10_000;
/// Most candidates of one search.
pub const MAX_CANDIDATES: u32 = 100_000;

/// What a search is told before it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How candidates are proposed.
    pub algorithm: Algorithm,
    /// Where they are taken from.
    pub space: Space,
    /// What all randomness derives from.
    pub seed: u64,
    /// The budget: how many candidates are evaluated, 1 to [`MAX_CANDIDATES`].
    pub candidates: u32,
    /// How long a lease runs without being renewed; longer than zero, at most [`MAX_LEASE`].
    pub lease: Duration,
    /// How many leases of a candidate may be lost before it counts as failed, at least 1.
    pub attempts: u32,
    /// Whether high or low fitness is good.
    pub goal: Goal,
}

/// How candidates are proposed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Algorithm {
    /// NSGA-II (Deb et al., IEEE TEC 6(2), 2002) over fitness and operations, with NSGA-Net's
    /// crossover and mutation in the macro space, parameter by parameter in the others. A generation is bred when all candidates before it are settled.
    Nsga2 {
        /// Candidates of a generation and survivors of the selection, 2 to [`MAX_POPULATION`].
        population: u32,
        /// Probability that a child has two parents; else it is a copy of one. 0 to 1.
        crossover: f64,
        /// Probability that one bit (or parameter) of a child is changed. 0 to 1.
        mutation: f64,
        /// How many survivors are drawn to choose a parent among, 1 to `population`; 2 in NSGA-II.
        tournament: u32,
    },
    /// Genomes drawn uniformly; none depends on another's result.
    Random,
}

impl Algorithm {
    /// NSGA-II with NSGA-Net's published rates (crossover 0.9, mutation 0.02; the published
    /// population is 40) and binary tournaments.
    pub fn nsga2(population: u32) -> Self {
        Self::Nsga2 {
            population,
            crossover: 0.9,
            mutation: 0.02,
            tournament: 2,
        }
    }

    /// The generation of the candidate at a place in the order of proposal.
    pub(crate) fn generation(self, index: usize) -> usize {
        match self {
            Self::Nsga2 { population, .. } => index / (population as usize).max(1),
            Self::Random => 0,
        }
    }
}

/// Whether high or low fitness is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// High fitness is good: accuracy.
    Maximize,
    /// Low fitness is good: loss.
    Minimize,
}

/// Why a search cannot start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}: it must be {rule}")]
pub struct Error {
    /// The name of the field, as in `algorithm.population`.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What would be right.
    pub rule: String,
}

impl Settings {
    /// Checks every field that has a range.
    pub fn check(&self) -> Result<(), Error> {
        let Self {
            candidates,
            lease,
            attempts,
            ..
        } = self;
        let budget = format!("from 1 to {MAX_CANDIDATES}");
        ensure(
            (1..=MAX_CANDIDATES).contains(candidates),
            "candidates",
            candidates,
            &budget,
        )?;
        let positive = *lease > Duration::ZERO && *lease <= MAX_LEASE;
        let seconds = format!("{} s", lease.as_secs_f64());
        ensure(
            positive,
            "lease",
            &seconds,
            "longer than zero and at most a year",
        )?;
        ensure(*attempts > 0, "attempts", attempts, "at least 1")?;
        self.algorithm.check()
    }
}

impl Algorithm {
    fn check(&self) -> Result<(), Error> {
        let Self::Nsga2 {
            population,
            crossover,
            mutation,
            tournament,
        } = self
        else {
            return Ok(());
        };
        let rate = |rate: &f64| (0.0..=1.0).contains(rate);
        let sizes = 2..=MAX_POPULATION;
        let size = format!("from 2 to {MAX_POPULATION}");
        ensure(
            sizes.contains(population),
            "algorithm.population",
            population,
            &size,
        )?;
        let probability = "a probability from 0 to 1";
        ensure(
            rate(crossover),
            "algorithm.crossover",
            crossover,
            probability,
        )?;
        ensure(rate(mutation), "algorithm.mutation", mutation, probability)?;
        let within = format!("from 1 to the population, {population}");
        let sizes = 1..=*population;
        ensure(
            sizes.contains(tournament),
            "algorithm.tournament",
            tournament,
            &within,
        )
    }
}

fn ensure(
    holds: bool,
    field: &'static str,
    value: &impl ToString,
    rule: &str,
) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    Err(Error {
        field,
        value: value.to_string(),
        rule: rule.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macro_space::{self, Input};

    #[test]
    fn errors_name_the_field_and_what_would_be_right() {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let good = Settings {
            algorithm: Algorithm::nsga2(8),
            space: macro_space::Space::new(4, vec![8, 16], input, 10)
                .unwrap()
                .into(),
            seed: 1,
            candidates: 16,
            lease: Duration::from_mins(1),
            attempts: 3,
            goal: Goal::Maximize,
        };
        good.check().unwrap();
        let message = |settings: Settings| settings.check().unwrap_err().to_string();
        let settings = Settings {
            candidates: 0,
            ..good.clone()
        };
        assert_eq!(
            message(settings),
            "candidates is 0: it must be from 1 to 100000"
        );
        let settings = Settings {
            lease: Duration::ZERO,
            ..good.clone()
        };
        assert!(message(settings).starts_with("lease is 0 s"));
        let settings = Settings {
            attempts: 0,
            ..good.clone()
        };
        assert!(message(settings).starts_with("attempts is 0"));
        let algorithm = Algorithm::nsga2(1);
        assert!(
            message(Settings {
                algorithm,
                ..good.clone()
            })
            .contains("population is 1")
        );
        let algorithm = Algorithm::Nsga2 {
            population: 4,
            crossover: f64::NAN,
            mutation: 0.0,
            tournament: 2,
        };
        assert!(
            message(Settings {
                algorithm,
                ..good.clone()
            })
            .contains("crossover is NaN")
        );
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), good);
    }
}
