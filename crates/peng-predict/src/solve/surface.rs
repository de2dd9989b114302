//! The least sum of squares over two coordinates of a shape.

mod starts;

use super::points::Points;
use super::separable::{Reduced, Separable, Shape};
use starts::starts;

/// Places of a row that are looked at together: their sums do not wait for each other.
pub(crate) const LANES: usize = 8;
/// The most steps that it goes on for.
const MORE_STEPS: usize = 60;
/// A step that gains less than this share of the sum of squares is the last.
const LAST_GAIN: f64 = 1e-9;

/// The damping up to which a step is nearly the whole one.
const FREE: f64 = 1e-2;

/// The share of its range within which a linear parameter is close to a bound.
const NEAR: f64 = 0.05;

/// A shape of two coordinates and how it is looked through: in rows of equal second coordinate.
pub(crate) trait Surface: Shape<2> + Copy {
    /// Steps after which the descents are compared; the lowest alone goes on.
    const FIRST_STEPS: usize = 8;

    /// Where the coordinates may lie.
    fn field(&self, points: &Points<'_>) -> Field;

    /// The second coordinate of a row of this number: from the field's lower to its upper one.
    fn row(&self, field: &Field, index: usize) -> f64 {
        let [lower, upper] = [field.lower[1], field.upper[1]];
        lower + (upper - lower) / (field.rows - 1) as f64 * index as f64
    }

    /// The first coordinates that are looked at along a row.
    fn columns(&self, field: &Field, row: f64) -> Columns;

    /// Calls `add` with the number of each point and `g` there at a place and at those that
    /// follow it on its row, a step apart.
    fn block(
        &self,
        points: &Points<'_>,
        place: [f64; 2],
        step: f64,
        add: impl FnMut(usize, [f64; LANES]),
    );
}

/// What is at a place and at those that follow, given how the next comes from the last.
pub(crate) fn chain(mut number: f64, next: impl Fn(f64) -> f64) -> [f64; LANES] {
    std::array::from_fn(|_| {
        let here = number;
        number = next(here);
        here
    })
}

/// A rectangle of coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub lower: [f64; 2],
    pub upper: [f64; 2],
    /// Rows looked through, from the lower to the upper second coordinate: at least 2.
    pub rows: usize,
}

/// First coordinates in equal steps, to the last or just beyond it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub first: f64,
    pub last: f64,
    /// Towards the last; not zero.
    pub step: f64,
}

impl Field {
    pub(super) fn inside(&self, place: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|k| place[k].max(self.lower[k]).min(self.upper[k]))
    }
}

/// The place with the least sum of squares, as far as descents from the lowest places of a walk
/// find it, and the curve there. Deterministic; of equally good places the first.
pub(crate) fn lowest<S: Surface>(problem: &Separable<'_, S>) -> ([f64; 2], Reduced<2>) {
    let field = problem.shape.field(&problem.points);
    let mut best: Option<Descent> = None;
    for start in starts(problem, &field).into_iter().flatten() {
        let descent = Descent::new(problem, start).go_on(problem, &field, S::FIRST_STEPS);
        if best.is_none_or(|best| descent.here.sse < best.here.sse) {
            best = Some(descent);
        }
    }
    let lowest = best
        .unwrap_or_else(|| Descent::new(problem, field.lower))
        .go_on(problem, &field, MORE_STEPS);
    let lowest = along_the_bounds(problem, &field, lowest);
    (lowest.place, lowest.here)
}

/// The lowest of a descent's end and the ends of descents from there with a linear parameter held
/// at a bound that it is close to: where it meets the bound the surface has an edge, and a descent
/// to an edge creeps.
fn along_the_bounds<S: Surface>(
    problem: &Separable<'_, S>,
    field: &Field,
    mut lowest: Descent,
) -> Descent {
    let found = lowest;
    let mut offer = |held: Separable<'_, S>| {
        let end = Descent::new(&held, found.place).go_on(&held, field, MORE_STEPS);
        if end.here.sse < lowest.here.sse {
            lowest = end;
        }
    };
    if let Some(bound) = near(found.here.p, problem.p) {
        offer(Separable {
            p: (bound, bound),
            ..*problem
        });
    }
    if let Some(bound) = near(found.here.q, problem.q) {
        offer(Separable {
            q: (bound, bound),
            ..*problem
        });
    }
    lowest
}

/// The bound that a value is close to.
fn near(value: f64, (lower, upper): (f64, f64)) -> Option<f64> {
    if lower >= upper {
        return None;
    }
    [lower, upper]
        .into_iter()
        .find(|bound| (value - bound).abs() <= NEAR * (upper - lower))
}

/// Newton's descent within the field, damped as Levenberg and Marquardt do.
#[derive(Clone, Copy)]
struct Descent {
    place: [f64; 2],
    here: Reduced<2>,
    damping: f64,
    done: bool,
}

impl Descent {
    fn new<S: Shape<2>>(problem: &Separable<'_, S>, place: [f64; 2]) -> Self {
        Self {
            place,
            here: problem.at(&place),
            damping: 1e-3,
            done: false,
        }
    }

    fn go_on<S: Shape<2>>(
        mut self,
        problem: &Separable<'_, S>,
        field: &Field,
        steps: usize,
    ) -> Self {
        for _ in 0..steps {
            if self.done {
                break;
            }
            let Some(there) = step(&self.here, self.place, field, self.damping) else {
                self.done = true;
                break;
            };
            let (mut there, mut next) = (there, problem.at(&there));
            if next.sse >= self.here.sse
                && let Some(further) = step(&next, there, field, self.damping)
            {
                // The surface bends where a linear parameter meets its bound, and what is learned
                // beyond may lead to lower ground than here (the watchdog: Chamberlain, Powell,
                // Lemarechal and Pedersen, Math. Programming Study 16, 1982).
                (there, next) = (further, problem.at(&further));
            }
            let gain = self.here.sse - next.sse;
            if gain > 0.0 {
                // A step held back by much damping gains little wherever it is.
                self.done = gain < LAST_GAIN * self.here.sse && self.damping <= FREE;
                (self.place, self.here) = (there, next);
                self.damping = (self.damping * 0.1).max(1e-6);
            } else {
                self.damping *= 10.0;
                self.done = self.damping > 1e8;
            }
        }
        self
    }
}

/// The place that the damped model of the surface takes for the lowest, within the field; none
/// where the surface rises to all sides.
fn step(here: &Reduced<2>, place: [f64; 2], field: &Field, damping: f64) -> Option<[f64; 2]> {
    let free = [0, 1].map(|k| {
        let outward = if here.slope[k] > 0.0 {
            place[k] <= field.lower[k]
        } else {
            place[k] >= field.upper[k]
        };
        !outward && here.slope[k] != 0.0
    });
    if free == [false; 2] {
        return None;
    }
    // Where the surface is no bowl, its model is.
    let bend = if is_bowl(&here.bend, free) {
        here.bend
    } else {
        here.model
    };
    let diagonal = [0, 1].map(|k| bend[k][k] * (1.0 + damping) + f64::MIN_POSITIVE);
    let move_by = match free {
        [true, true] => {
            let off = bend[0][1];
            let determinant = diagonal[0] * diagonal[1] - off * off;
            [
                (off * here.slope[1] - diagonal[1] * here.slope[0]) / determinant,
                (off * here.slope[0] - diagonal[0] * here.slope[1]) / determinant,
            ]
        }
        _ => [0, 1].map(|k| {
            if free[k] {
                -here.slope[k] / diagonal[k]
            } else {
                0.0
            }
        }),
    };
    let there = field.inside([0, 1].map(|k| place[k] + move_by[k]));
    let moved =
        (0..2).any(|k| (there[k] - place[k]).abs() > 0.0) && there.iter().all(|t| t.is_finite());
    moved.then_some(there)
}

/// Whether second derivatives are positive definite in the free coordinates.
fn is_bowl(bend: &[[f64; 2]; 2], free: [bool; 2]) -> bool {
    let both = bend[0][0] * bend[1][1] - bend[0][1] * bend[0][1];
    (0..2).all(|k| !free[k] || bend[k][k] > 0.0) && (free != [true; 2] || both > 0.0)
}
