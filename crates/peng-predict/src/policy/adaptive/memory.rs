//! What an experiment remembers of its trials.
//!
//! Bounded: the newest [`MOST_TRIALS`] ended trials with their features at no more than 74 cells,
//! 53 bytes each (at most 4 MB an experiment), as many predictions that are yet to be checked,
//! and room for one calculation.

use std::collections::VecDeque;

use super::alignment::{ROUNDING, Stages, likeness};
use super::calibration::{Experience, Given};
use super::draw;
use super::features::{Features, cell_of_share};
use super::finals::Finals;
use super::outlook::{Outlook, Workspace};
use super::regression::Neighbour;

/// So many cells after the one in question a stopped trial has shown all that it tells.
const TELLING: f64 = 5.0;
/// How many ended trials are remembered: the newest.
pub(super) const MOST_TRIALS: usize = 1000;

/// A trial's features by cell, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    cells: Vec<u8>,
    /// Where the first observation in each is, as a share of the target.
    shares: Vec<f32>,
    features: Vec<Features>,
}

impl Path {
    /// Adds the features at the next cell, and at which share of the target they were read.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "places are compared with a tolerance"
    )]
    pub(super) fn push(&mut self, cell: u8, share: f64, features: Features) {
        self.cells.push(cell);
        self.shares.push(share as f32);
        self.features.push(features);
    }

    /// The first score.
    fn first(&self) -> Option<f64> {
        self.features.first().map(|features| features[0])
    }

    /// The features at the last cell.
    pub(super) fn last(&self) -> Option<&Features> {
        self.features.last()
    }

    /// Keeps the first so many cells.
    pub(super) fn truncate(&mut self, length: usize) {
        self.cells.truncate(length);
        self.shares.truncate(length);
        self.features.truncate(length);
    }
}

/// Where a running trial is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Its cell.
    pub(super) cell: u8,
    /// The share of the target that it has come to.
    pub(super) share: f64,
    /// The stages of its learning rate, where it declares them.
    pub(super) stages: Option<&'a Stages>,
}

/// What a stop may cost, in expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// The chance of ending among the best that is given up.
    pub(super) chance: f64,
    /// How far the report is from the truth, in the metric's unit.
    pub(super) error: f64,
}

/// A trial that has ended; scores, larger being better.
#[derive(Debug)]
struct Ended {
    trial: u64,
    /// What was measured or, where it was stopped, predicted.
    fitness: f64,
    /// A draw from the prediction's distribution, or what was measured.
    draw: f64,
    /// What its stop may have cost.
    cost: Cost,
    path: Path,
    /// The stages of its learning rate, where it declared them.
    stages: Option<Stages>,
    /// Whether it went to its end, so that its last features hold for later cells too.
    is_complete: bool,
    /// The logits of `fitness` and `draw`.
    logits: [f64; 2],
}

impl Ended {
    /// The features as of this cell, if the trial got as far.
    fn at(&self, cell: u8) -> Option<&Features> {
        let cells = &self.path.cells;
        let upto = cells.partition_point(|own| *own <= cell);
        if upto == cells.len() && !self.is_complete && cells.last() < Some(&cell) {
            return None;
        }
        upto.checked_sub(1).map(|index| &self.path.features[index])
    }

    /// The cell and the features at the like place, and how much it tells there by its schedule;
    /// none if the trial did not get as far.
    fn like(&self, place: &Place<'_>) -> Option<(u8, &Features, f64)> {
        let likeness = likeness(place.stages, self.stages.as_ref());
        let shifted = place.stages.zip(self.stages.as_ref());
        let Some((own, other)) = shifted.filter(|(own, other)| own != other && own.is_like(other))
        else {
            return Some((place.cell, self.at(place.cell)?, likeness));
        };
        let at = own.place(other, place.share);
        let cell = cell_of_share(at);
        let path = &self.path;
        let last = path.cells.last().copied()?;
        if !self.is_complete && last < cell {
            return None;
        }
        // The last look before it or, where a step lies in between, the first one after it.
        let upto = path
            .shares
            .partition_point(|share| f64::from(*share) <= at + ROUNDING);
        let stage = own.stage(place.share);
        let is_there = |index: &usize| {
            let share = path.shares.get(*index);
            share.is_some_and(|share| other.stage(f64::from(*share)) == stage)
        };
        let index = [upto.checked_sub(1), Some(upto)];
        let index = index.into_iter().flatten().find(is_there)?;
        Some((path.cells[index], &path.features[index], likeness))
    }

    /// How much its end tells of a curve at this cell, 0 to 1: all if it was measured. The
    /// imputed end of a trial that was stopped there is what the others told already, and none
    /// may make another one surer; what was seen of it after the cell is news.
    fn information(&self, cell: u8) -> f64 {
        let last = self.path.cells.last().copied().unwrap_or(cell);
        if self.is_complete {
            1.0
        } else {
            (f64::from(last.saturating_sub(cell)) / TELLING).min(1.0)
        }
    }
}

/// What an experiment remembers.
#[derive(Debug)]
pub(super) struct Memory {
    best_fraction: f64,
    trials: Vec<Ended>,
    /// Where the next trial goes once there are [`MOST_TRIALS`].
    next: usize,
    ended: usize,
    finals: Finals,
    record: f64,
    spent: Cost,
    /// From where curves begin to where they end.
    span: f64,
    experience: Experience,
    /// The first predictions with which trials were to be stopped, until they are measured.
    given: VecDeque<(u64, Given)>,
    workspace: Workspace,
}

impl Memory {
    /// Nothing yet; of interest is the best `best_fraction` of the trials, in (0, 1).
    pub(super) fn new(best_fraction: f64) -> Self {
        Self {
            best_fraction,
            trials: Vec::new(),
            next: 0,
            ended: 0,
            finals: Finals::default(),
            record: f64::NEG_INFINITY,
            spent: Cost::default(),
            span: 0.0,
            experience: Experience::default(),
            given: VecDeque::new(),
            workspace: Workspace::default(),
        }
    }

    /// How many trials have ended: measured, or stopped by this policy.
    pub(super) const fn ended(&self) -> usize {
        self.ended
    }

    /// The best measured score; minus infinity before there is one.
    pub(super) const fn record(&self) -> f64 {
        self.record
    }

    /// How many trials are remembered.
    pub(super) const fn remembered(&self) -> usize {
        self.trials.len()
    }

    /// What the stops of the remembered trials may have cost, in all.
    pub(super) const fn spent(&self) -> Cost {
        self.spent
    }

    /// The finals of the remembered trials.
    pub(super) const fn finals(&self) -> &Finals {
        &self.finals
    }

    /// From the first decile of the first observations to the ninth of the finals, or of the finals
    /// where those span more.
    pub(super) const fn span(&self) -> f64 {
        self.span
    }

    /// What the predictions were worth.
    pub(super) const fn experience(&self) -> &Experience {
        &self.experience
    }

    /// How many trials that were measured, and are remembered, have stages that correspond to these.
    pub(super) fn measured_like(&self, stages: &Stages) -> usize {
        let like = |ended: &&Ended| {
            let other = ended.stages.as_ref();
            ended.is_complete && other.is_some_and(|other| stages.is_like(other))
        };
        self.trials.iter().filter(like).count()
    }

    /// The outlook of a trial with these features at this place, or how many trials there are to
    /// judge it by if they are too few. The draw is the trial's own.
    pub(super) fn outlook(
        &mut self,
        trial: u64,
        place: &Place<'_>,
        features: &Features,
    ) -> Result<Outlook, usize> {
        let neighbours = &mut self.workspace.neighbours;
        neighbours.clear();
        neighbours.extend(self.trials.iter().filter_map(|ended| {
            let (cell, features, likeness) = ended.like(place)?;
            Some(Neighbour {
                z: *features,
                target: [ended.logits[0], ended.fitness],
                draw: [ended.logits[1], ended.draw],
                information: ended.information(cell) * likeness,
                weight: 0.0,
                without: [0.0; 2],
            })
        }));
        let widening = self.experience.widening();
        self.workspace
            .outlook(features, &self.finals, widening, draw::chance(trial))
            .ok_or(self.workspace.neighbours.len())
    }

    /// Takes down with which prediction a trial was first to be stopped.
    pub(super) fn expect(&mut self, trial: u64, given: Given) {
        if self.given.iter().any(|(known, _)| *known == trial) {
            return;
        }
        if self.given.len() == MOST_TRIALS {
            self.given.pop_front();
        }
        self.given.push_back((trial, given));
    }

    /// Remembers a trial that was stopped, with what that may `cost` and a `draw` from what was
    /// predicted for it.
    pub(super) fn stop(
        &mut self,
        trial: u64,
        given: Given,
        cost: Cost,
        draw: f64,
        (path, stages): (Path, Option<Stages>),
    ) {
        self.expect(trial, given);
        self.remember(Ended {
            trial,
            fitness: given.fitness,
            draw,
            cost,
            path,
            stages,
            is_complete: false,
            logits: [0.0; 2],
        });
    }

    /// Remembers a trial that was measured, in the place of what was predicted for it. `is_free`:
    /// no verdict could have stopped it.
    pub(super) fn complete(
        &mut self,
        trial: u64,
        fitness: f64,
        (path, stages): (Path, Option<Stages>),
        is_free: bool,
    ) {
        self.record = self.record.max(fitness);
        self.remember(Ended {
            trial,
            fitness,
            draw: fitness,
            cost: Cost::default(),
            path,
            stages,
            is_complete: true,
            logits: [0.0; 2],
        });
        let is_best = self.finals.label(self.finals.logit(fitness)) > 0.5;
        if is_free {
            self.experience.count(is_best);
        }
        let known = self.given.iter().position(|(known, _)| *known == trial);
        if let Some((_, given)) = known.and_then(|index| self.given.remove(index)) {
            self.experience.learn(&given, fitness, is_best);
        }
    }

    fn remember(&mut self, ended: Ended) {
        let known = self
            .trials
            .iter()
            .position(|known| known.trial == ended.trial);
        if let Some(index) = known {
            self.trials[index] = ended;
        } else {
            self.ended += 1;
            if self.trials.len() < MOST_TRIALS {
                self.trials.push(ended);
            } else {
                self.trials[self.next] = ended;
                self.next = (self.next + 1) % MOST_TRIALS;
            }
        }
        self.spent = Cost {
            chance: self.trials.iter().map(|ended| ended.cost.chance).sum(),
            error: self.trials.iter().map(|ended| ended.cost.error).sum(),
        };
        let scores = self.trials.iter().map(|ended| ended.fitness);
        self.finals.replace(scores, self.best_fraction);
        let starts = self.trials.iter().filter_map(|ended| ended.path.first());
        self.span = self.finals.span(starts.collect());
        for ended in &mut self.trials {
            ended.logits = [ended.fitness, ended.draw].map(|score| self.finals.logit(score));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::features::COUNT;
    use super::*;

    fn path(cells: &[u8]) -> Path {
        let mut path = Path::default();
        for cell in cells {
            path.push(*cell, f64::from(*cell) / 74.0, [f64::from(*cell); COUNT]);
        }
        path
    }

    fn given(fitness: f64) -> Given {
        Given {
            fitness,
            most: [fitness - 2.0, fitness + 2.0],
            half: None,
            widening: 1.0,
        }
    }

    #[test]
    fn a_stopped_trial_counts_as_far_as_it_got_and_a_complete_one_everywhere() {
        let mut memory = Memory::new(0.1);
        memory.stop(1, given(10.0), Cost::default(), 10.0, (path(&[2, 4]), None));
        memory.complete(2, 20.0, (path(&[2, 4]), None), false);
        let neighbours = |memory: &mut Memory, cell| {
            let place = Place {
                cell,
                share: f64::from(cell) / 74.0,
                stages: None,
            };
            memory.outlook(0, &place, &[0.0; COUNT]).unwrap_err()
        };
        assert_eq!(
            [1, 3, 4, 5].map(|cell| neighbours(&mut memory, cell)),
            [0, 2, 2, 1]
        );
    }

    #[test]
    fn a_measured_fitness_replaces_the_predicted_one_and_calibrates() {
        let mut memory = Memory::new(0.1);
        let cost = Cost {
            chance: 0.02,
            error: 0.5,
        };
        memory.stop(7, given(10.0), cost, 10.0, (path(&[1]), None));
        assert!(memory.record().is_infinite());
        assert_eq!(memory.spent(), cost);
        memory.complete(7, 11.0, (path(&[1, 74]), None), true);
        assert_eq!((memory.ended(), memory.trials.len()), (1, 1));
        assert!((memory.trials[0].fitness - 11.0).abs() < 1e-12);
        assert_eq!(memory.spent(), Cost::default(), "nothing was");
        let account = memory.experience().account();
        assert_eq!((account.stops, account.covered_90), (1, 1));
        memory.complete(7, 11.0, (path(&[1, 74]), None), true);
        assert_eq!(memory.experience().account().stops, 1, "once");
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut memory = Memory::new(0.1);
        let cost = Cost {
            chance: 0.25,
            error: 2.0,
        };
        for trial in 0..MOST_TRIALS as u64 + 2 {
            memory.stop(trial, given(trial as f64), cost, 1.0, (path(&[1]), None));
        }
        assert_eq!(memory.trials.len(), MOST_TRIALS);
        assert_eq!(memory.given.len(), MOST_TRIALS);
        let oldest = memory.trials.iter().map(|ended| ended.trial).min();
        assert_eq!(oldest, Some(2));
        assert_eq!(memory.ended(), MOST_TRIALS + 2);
        let remembered = MOST_TRIALS as f64;
        assert!((memory.spent().chance - 0.25 * remembered).abs() < 1e-9);
        assert!((memory.spent().error - 2.0 * remembered).abs() < 1e-9);
    }
}
