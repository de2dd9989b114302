//! From stored candidates back to a search.

use super::Search;
use crate::candidate::{Candidate, Id};
use crate::random::Known;
use crate::seeds;
use crate::settings::{Error as SettingsError, Settings};
use crate::space::Mismatch;

/// Why stored candidates cannot be gone on with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The settings are not valid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A candidate is missing or there twice.
    #[error("candidate {expected} is missing: in its place is {found}")]
    Gap {
        /// The candidate that should come next.
        expected: Id,
        /// The candidate that came.
        found: Id,
    },
    /// There are more candidates than the budget.
    #[error(
        "{found} candidates are stored: settings.candidates must be at least that, not {budget}"
    )]
    Budget {
        /// How many are stored.
        found: usize,
        /// The budget.
        budget: u32,
    },
    /// A genome is not of the space.
    #[error("candidate {id} is not of this search's space")]
    Genome {
        /// The candidate.
        id: Id,
        /// Why.
        source: Mismatch,
    },
    /// A field is not what these settings give: the candidates are from another search.
    #[error("{field} of candidate {id} is {found}, and {expected} with these settings")]
    Foreign {
        /// The candidate.
        id: Id,
        /// The field.
        field: &'static str,
        /// What is stored.
        found: u64,
        /// What the settings give.
        expected: u64,
    },
}

impl Search {
    /// A search that goes on as it would have with these candidates, in any order.
    ///
    /// Proposals that were not stored come up again as they were. The budget may be higher than
    /// it was, the duration of leases and the number of attempts may differ; the other settings
    /// must be the same. One that was paused is to be paused again.
    pub fn restore(settings: Settings, candidates: Vec<Candidate>) -> Result<Self, Error> {
        settings.check()?;
        let mut search = Self {
            settings,
            candidates,
            known: Known::default(),
            paused: false,
        };
        search.candidates.sort_by_key(|candidate| candidate.id);
        let (found, budget) = (search.candidates.len(), search.settings.candidates);
        if found > budget as usize {
            return Err(Error::Budget { found, budget });
        }
        for (index, candidate) in search.candidates.iter().enumerate() {
            let expected = Id::at(index);
            if candidate.id != expected {
                return Err(Error::Gap {
                    expected,
                    found: candidate.id,
                });
            }
            check(&search.settings, candidate, &mut search.known)?;
        }
        search.propose();
        Ok(search)
    }
}

/// Whether a stored candidate is one of a search with these settings; makes its network known.
fn check(settings: &Settings, candidate: &Candidate, known: &mut Known) -> Result<(), Error> {
    let id = candidate.id;
    let network = settings
        .space
        .decode(&candidate.genome)
        .map_err(|source| Error::Genome { id, source })?;
    let generation = settings.algorithm.generation(id.index()) as u64;
    let fields = [
        ("generation", u64::from(candidate.generation), generation),
        ("seed", candidate.seed, seeds::training(settings.seed, id)),
        ("flops", candidate.flops, network.flops()),
        ("parameters", candidate.parameters, network.parameters()),
    ];
    for (field, found, expected) in fields {
        if found != expected {
            return Err(Error::Foreign {
                id,
                field,
                found,
                expected,
            });
        }
    }
    known.add(&candidate.genome, network);
    Ok(())
}
