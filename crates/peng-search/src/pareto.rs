//! The two objectives, and which candidates no other one beats in both.

use crate::candidate::{Candidate, Id};
use crate::settings::Goal;

/// What a candidate is compared by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Objectives {
    /// More is better.
    pub(crate) fitness: f64,
    /// Less is better.
    pub(crate) flops: u64,
}

impl Objectives {
    /// A candidate without a fitness is worse in both than every one that has it.
    pub(crate) fn of(candidate: &Candidate, goal: Goal) -> Self {
        match candidate.fitness() {
            Some(fitness) => Self {
                fitness: oriented(fitness, goal),
                flops: candidate.flops,
            },
            None => Self {
                fitness: f64::NEG_INFINITY,
                flops: u64::MAX,
            },
        }
    }

    /// At least as good in both and better in one.
    pub(crate) fn dominates(self, other: Self) -> bool {
        let as_good = self.fitness >= other.fitness && self.flops <= other.flops;
        as_good && (self.fitness > other.fitness || self.flops < other.flops)
    }
}

fn oriented(fitness: f64, goal: Goal) -> f64 {
    match goal {
        Goal::Maximize => fitness,
        Goal::Minimize => -fitness,
    }
}

/// The candidates with a fitness that no other one dominates, by rising operations.
pub(crate) fn front(candidates: &[Candidate], goal: Goal) -> Vec<Id> {
    let mut ranked: Vec<(Objectives, Id)> = candidates
        .iter()
        .filter(|candidate| candidate.fitness().is_some())
        .map(|candidate| (Objectives::of(candidate, goal), candidate.id))
        .collect();
    ranked.sort_by(|(a, a_id), (b, b_id)| {
        let by_fitness = b.fitness.total_cmp(&a.fitness);
        a.flops.cmp(&b.flops).then(by_fitness).then(a_id.cmp(b_id))
    });
    let mut front: Vec<(Objectives, Id)> = Vec::new();
    for (objectives, id) in ranked {
        // Whoever comes earlier has no more operations: only the fittest of them can dominate.
        if front
            .last()
            .is_none_or(|(best, _)| !best.dominates(objectives))
        {
            front.push((objectives, id));
        }
    }
    front.into_iter().map(|(_, id)| id).collect()
}
