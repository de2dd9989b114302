//! The least sum of squares over two coordinates of a shape.

use super::separable::{Reduced, Separable, Shape};

/// A rectangle of coordinates and how finely it is looked through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub lower: [f64; 2],
    pub upper: [f64; 2],
    /// Places of the grid along each coordinate: at least 2, at most 16.
    pub places: [usize; 2],
}

/// The most places looked at along a coordinate.
const PLACES: usize = 16;
/// Descents, from the best of the places that no neighbour beats.
const STARTS: usize = 3;
/// Steps after which the descents are compared; the lowest alone goes on.
const FIRST_STEPS: usize = 10;
/// The most steps that it goes on for.
const MORE_STEPS: usize = 60;
/// A step that gains less than this share of the sum of squares is the last.
const LAST_GAIN: f64 = 1e-8;

/// The place with the least sum of squares, as far as descents from a grid's best places find it,
/// and the curve there. Deterministic; of equally good places the first.
pub(crate) fn lowest<S: Shape<2>>(
    problem: &Separable<'_, S>,
    field: &Field,
) -> ([f64; 2], Reduced<2>) {
    let mut best: Option<Descent> = None;
    for start in starts(problem, field).into_iter().flatten() {
        let descent = Descent::new(problem, start).go_on(problem, field, FIRST_STEPS);
        if best.is_none_or(|best| descent.here.sse < best.here.sse) {
            best = Some(descent);
        }
    }
    let lowest = best
        .unwrap_or_else(|| Descent::new(problem, field.lower))
        .go_on(problem, field, MORE_STEPS);
    (lowest.place, lowest.here)
}

fn starts<S: Shape<2>>(problem: &Separable<'_, S>, field: &Field) -> [Option<[f64; 2]>; STARTS] {
    let [rows, columns] = field.places.map(|places| places.clamp(2, PLACES));
    let place = |i: usize, j: usize| {
        [(i, rows, 0), (j, columns, 1)].map(|(step, places, k)| {
            let share = step as f64 / (places - 1) as f64;
            field.lower[k] + share * (field.upper[k] - field.lower[k])
        })
    };
    let mut heights = [[f64::INFINITY; PLACES]; PLACES];
    for (i, row) in heights.iter_mut().enumerate().take(rows) {
        for (j, height) in row.iter_mut().enumerate().take(columns) {
            *height = problem.sse(&place(i, j));
        }
    }
    let mut found = [None; STARTS];
    for i in 0..rows {
        for j in 0..columns {
            if is_lowest_around(&heights, i, j) {
                insert(&mut found, (heights[i][j], place(i, j)));
            }
        }
    }
    found.map(|start| start.map(|(_, place)| place))
}

/// Whether no neighbour is lower; of equally high ones the first counts.
fn is_lowest_around(heights: &[[f64; PLACES]; PLACES], i: usize, j: usize) -> bool {
    let around = |at: usize| at.saturating_sub(1)..=(at + 1).min(PLACES - 1);
    let height = heights[i][j];
    height.is_finite()
        && around(i).all(|k| {
            around(j).all(|l| {
                let other = heights[k][l];
                height < other || height <= other && (i, j) <= (k, l)
            })
        })
}

fn insert(found: &mut [Option<(f64, [f64; 2])>; STARTS], mut new: (f64, [f64; 2])) {
    for slot in found {
        match slot {
            None => {
                *slot = Some(new);
                return;
            }
            Some(old) if new.0 < old.0 => std::mem::swap(old, &mut new),
            Some(_) => {}
        }
    }
}

/// Levenberg and Marquardt's descent within the field.
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
            let next = problem.at(&there);
            let gain = self.here.sse - next.sse;
            if gain > 0.0 {
                self.done = gain < LAST_GAIN * self.here.sse;
                (self.place, self.here) = (there, next);
                self.damping = (self.damping * 0.1).max(1e-12);
            } else {
                self.damping *= 10.0;
                self.done = self.damping > 1e8;
            }
        }
        self
    }
}

/// The place that the damped model of the surface takes for the lowest, within the field.
fn step(here: &Reduced<2>, place: [f64; 2], field: &Field, damping: f64) -> Option<[f64; 2]> {
    let free = [0, 1].map(|k| {
        let outward = if here.slope[k] > 0.0 {
            place[k] <= field.lower[k]
        } else {
            place[k] >= field.upper[k]
        };
        !outward && here.slope[k] != 0.0
    });
    let diagonal = [0, 1].map(|k| here.bend[k][k] * (1.0 + damping) + f64::MIN_POSITIVE);
    let move_by = match free {
        [true, true] => {
            let off = here.bend[0][1];
            let determinant = diagonal[0] * diagonal[1] - off * off;
            [
                (off * here.slope[1] - diagonal[1] * here.slope[0]) / determinant,
                (off * here.slope[0] - diagonal[0] * here.slope[1]) / determinant,
            ]
        }
        [true, false] => [-here.slope[0] / diagonal[0], 0.0],
        [false, true] => [0.0, -here.slope[1] / diagonal[1]],
        [false, false] => return None,
    };
    let there = [0, 1].map(|k| (place[k] + move_by[k]).clamp(field.lower[k], field.upper[k]));
    let moved =
        (0..2).any(|k| (there[k] - place[k]).abs() > 0.0) && there.iter().all(|t| t.is_finite());
    moved.then_some(there)
}
