//! What is proposed next.
//!
//! A candidate depends on the settings, its place in the order and the outcomes of earlier
//! generations, on nothing else: not on which worker settled what when, nor on the budget.

use crate::candidate::{Candidate, Id, State};
use crate::nsga2::{self, Rates, Survivor};
use crate::pareto::Objectives;
use crate::random::{self, Known};
use crate::seeds;
use crate::settings::{Algorithm, Settings};
use crate::space::Genome;

/// The candidates that can be proposed now, up to the end of the generation or the budget; none
/// while earlier generations are not settled. `known` holds the networks of `candidates` and
/// gets those of the new ones.
pub(crate) fn next(
    settings: &Settings,
    candidates: &[Candidate],
    known: &mut Known,
) -> Vec<Candidate> {
    let algorithm = settings.algorithm;
    let generation = algorithm.generation(candidates.len());
    let survivors = match algorithm {
        Algorithm::Nsga2 { population, .. } if generation > 0 => {
            let earlier = &candidates[..generation * population as usize];
            if earlier
                .iter()
                .any(|candidate| candidate.outcome().is_none())
            {
                return Vec::new();
            }
            survivors(settings, earlier, population as usize)
        }
        Algorithm::Nsga2 { .. } | Algorithm::Random => Vec::new(),
    };
    let mut proposed = Vec::new();
    for index in candidates.len()..settings.candidates as usize {
        if algorithm.generation(index) != generation {
            break;
        }
        let genome = genome(settings, candidates, &survivors, known, Id::at(index));
        proposed.extend(candidate(settings, Id::at(index), genome, known));
    }
    proposed
}

/// Selection generation by generation: the survivors of one compete with the next.
fn survivors(settings: &Settings, settled: &[Candidate], population: usize) -> Vec<Survivor> {
    let mut survivors: Vec<Survivor> = Vec::new();
    for start in (0..settled.len()).step_by(population) {
        let generation = start..(start + population).min(settled.len());
        let pool: Vec<(usize, Objectives)> = survivors
            .iter()
            .map(|survivor| survivor.index)
            .chain(generation)
            .map(|index| (index, Objectives::of(&settled[index], settings.goal)))
            .collect();
        survivors = nsga2::survivors(&pool, population);
    }
    survivors
}

/// Bred from the survivors, or random in a random search and in the first generation.
fn genome(
    settings: &Settings,
    candidates: &[Candidate],
    survivors: &[Survivor],
    known: &Known,
    id: Id,
) -> Genome {
    let mut rng = seeds::genome(settings.seed, id);
    match settings.algorithm {
        Algorithm::Nsga2 {
            crossover,
            mutation,
            tournament,
            ..
        } if !survivors.is_empty() => {
            let rates = Rates {
                crossover,
                mutation,
                tournament,
            };
            nsga2::breed(
                &settings.space,
                candidates,
                survivors,
                rates,
                known,
                &mut rng,
            )
        }
        Algorithm::Nsga2 { .. } | Algorithm::Random => {
            random::draw(&settings.space, known, &mut rng)
        }
    }
}

/// The candidate of a genome; `None` if the genome is not of the space.
fn candidate(settings: &Settings, id: Id, genome: Genome, known: &mut Known) -> Option<Candidate> {
    let network = settings.space.decode(&genome).ok()?;
    let candidate = Candidate {
        id,
        genome,
        seed: seeds::training(settings.seed, id),
        flops: network.flops(),
        parameters: network.parameters(),
        state: State::Proposed,
        attempt: 1,
        continues: None,
        losses: 0,
        generation: u32::try_from(settings.algorithm.generation(id.index())).unwrap_or(u32::MAX),
    };
    known.add(&candidate.genome, network);
    Some(candidate)
}
