//! A curve on its way through the cells.

use super::extrapolation::Blend;
use super::features::{Features, Trace, cell};
use super::memory::Path;
use crate::policy::View;

/// What is read off a running trial's curve, kept from one decision to the next: each cell is
/// read once.
#[derive(Debug)]
pub(super) struct Walk {
    families: bool,
    trace: Trace,
    blend: Blend,
    path: Path,
    /// The observations behind the path: the first one of each of its cells.
    firsts: Vec<usize>,
    /// So many observations have been walked over.
    through: usize,
}

impl Walk {
    /// At the beginning of a curve, to be extrapolated by `families` or not.
    pub(super) fn new(families: bool) -> Self {
        Self {
            families,
            trace: Trace::default(),
            blend: Blend::default(),
            path: Path::default(),
            firsts: Vec::new(),
            through: 0,
        }
    }

    /// The features at the last observation.
    pub(super) fn features(&mut self, view: &View<'_>) -> Features {
        self.load(view);
        self.at(view, view.curve.len())
    }

    /// The features by cell of the first `length` observations: of the first one in each, as when
    /// a running trial is judged.
    pub(super) fn path(&mut self, view: &View<'_>, length: usize) -> Path {
        self.load(view);
        self.keep(length);
        self.walk(view, length);
        self.path.clone()
    }

    /// Takes over what is new of the curve.
    fn load(&mut self, view: &View<'_>) {
        self.trace.truncate(view.seen);
        self.keep(view.seen);
        for observation in &view.curve[self.trace.len()..] {
            self.trace.push(view.settings.goal.score(observation.value));
        }
    }

    /// Forgets what rests on more than the first `length` observations.
    fn keep(&mut self, length: usize) {
        self.through = self.through.min(length);
        let kept = self.firsts.partition_point(|index| *index < length);
        self.firsts.truncate(kept);
        self.path.truncate(kept);
    }

    fn walk(&mut self, view: &View<'_>, length: usize) {
        for index in self.through..length {
            if is_first(view, index) {
                let features = self.read(view, index + 1);
                self.step(view, index, features);
            }
        }
        self.through = length;
    }

    /// The features of the first `length` observations, taken down if they are the next of the
    /// path.
    fn at(&mut self, view: &View<'_>, length: usize) -> Features {
        let last = length - 1;
        let known = self.path.last().copied();
        if let Some(features) = known.filter(|_| self.firsts.last() == Some(&last)) {
            return features;
        }
        let features = self.read(view, length);
        if self.through == last {
            if is_first(view, last) {
                self.step(view, last, features);
            }
            self.through = length;
        }
        features
    }

    fn step(&mut self, view: &View<'_>, index: usize, features: Features) {
        self.path
            .push(cell_of(view, index), share_of(view, index), features);
        self.firsts.push(index);
    }

    fn read(&mut self, view: &View<'_>, length: usize) -> Features {
        let families = self.families;
        let extrapolated = families.then(|| self.blend.score(view, length)).flatten();
        self.trace.features(length, extrapolated)
    }
}

/// The share of the target that an observation is at.
pub(super) fn share_of(view: &View<'_>, index: usize) -> f64 {
    view.curve[index].epoch.get() / view.settings.target.get()
}

/// The cell of an observation.
pub(super) fn cell_of(view: &View<'_>, index: usize) -> u8 {
    cell(view.curve[index].epoch, view.settings.target)
}

/// Whether an observation is the first one of its cell.
pub(super) fn is_first(view: &View<'_>, index: usize) -> bool {
    index == 0 || cell_of(view, index - 1) != cell_of(view, index)
}
