//! Where descents on a surface begin.

use super::{Columns, Field, LANES, Separable, Surface};
use crate::solve::effort;

/// Descents, from the lowest of the places that no neighbour is below.
const STARTS: usize = 3;
/// The most places of a row that are kept.
const KEPT: usize = 6;
/// The most blocks along a row.
const LONGEST: usize = 50;

/// A place on a row that is lower than its neighbours there.
#[derive(Clone, Copy)]
struct Low {
    height: f64,
    column: f64,
}

/// The lowest places of a row, the lowest first.
#[derive(Clone, Copy)]
struct Row {
    at: f64,
    /// The distance of neighbours.
    step: f64,
    lows: [Option<Low>; KEPT],
}

/// Where to begin: the lowest places, lower than what is beside them on their rows and on the
/// next ones. Of equally low ones the first.
pub(super) fn starts<S: Surface>(
    problem: &Separable<'_, S>,
    field: &Field,
) -> [Option<[f64; 2]>; STARTS] {
    let mut found: [Option<(f64, [f64; 2])>; STARTS] = [None; STARTS];
    let mut offer = |before: Option<&Row>, row: &Row, after: Option<&Row>| {
        for low in row.lows.iter().flatten() {
            let hidden = before.is_some_and(|other| is_hidden(low, row, other, true))
                || after.is_some_and(|other| is_hidden(low, row, other, false));
            if !hidden {
                let place = field.inside([low.column, row.at]);
                insert(&mut found, (low.height, place), |found| found.0);
            }
        }
    };
    let (mut before, mut here): (Option<Row>, Option<Row>) = (None, None);
    for index in 0..field.rows {
        let row = walk(problem, field, problem.shape.row(field, index));
        if let Some(here) = &here {
            offer(before.as_ref(), here, Some(&row));
        }
        (before, here) = (here, Some(row));
    }
    if let Some(here) = &here {
        offer(before.as_ref(), here, None);
    }
    found.map(|start| start.map(|(_, place)| place))
}

/// Whether a neighbour on another row is lower, or as low and first.
fn is_hidden(low: &Low, row: &Row, other: &Row, first: bool) -> bool {
    let beside = 1.5 * row.step.max(other.step);
    other.lows.iter().flatten().any(|near| {
        (near.column - low.column).abs() <= beside
            && (near.height < low.height || first && near.height <= low.height)
    })
}

fn walk<S: Surface>(problem: &Separable<'_, S>, field: &Field, row: f64) -> Row {
    let Columns { first, last, step } = problem.shape.columns(field, row);
    let mut lows = [None; KEPT];
    // Starts of blocks, the last of which reaches the last place.
    let starts = (0..LONGEST).map(|block| first + step * (block * LANES) as f64);
    let starts = starts.take_while(|start| (last - start) / step > -1.0);
    let mut before = f64::INFINITY;
    let mut here = Low {
        height: f64::INFINITY,
        column: first,
    };
    for start in starts {
        for (lane, height) in heights(problem, [start, row], step).into_iter().enumerate() {
            if here.height < before && here.height <= height {
                let column = here.column + step * vertex([before, here.height, height]);
                insert(&mut lows, Low { column, ..here }, |low| low.height);
            }
            before = here.height;
            let column = start + step * lane as f64;
            here = Low { height, column };
        }
    }
    if here.height < before {
        insert(&mut lows, here, |low| low.height);
    }
    Row {
        at: row,
        step: step.abs(),
        lows,
    }
}

/// Where a parabola through the heights of three neighbours is lowest, in steps from the middle
/// one, which is the lowest.
fn vertex([before, here, after]: [f64; 3]) -> f64 {
    let (back, ahead) = (before - here, after - here);
    let share = 0.5 * (back - ahead) / (back + ahead);
    if share.is_finite() { share } else { 0.0 }
}

/// The least sums of squares at a place and at those that follow it on its row.
fn heights<S: Surface>(problem: &Separable<'_, S>, place: [f64; 2], step: f64) -> [f64; LANES] {
    let points = &problem.points;
    effort::spend(points.len() * LANES);
    let (y, mean) = (points.y(), points.mean());
    let (mut total, mut squares, mut products) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    problem.shape.block(points, place, step, |index, lanes| {
        let y = y[index] - mean;
        for (lane, g) in lanes.into_iter().enumerate() {
            total[lane] += g;
            squares[lane] += g * g;
            products[lane] += y * g;
        }
    });
    std::array::from_fn(|lane| problem.least(total[lane], squares[lane], products[lane]))
}

/// Keeps the lowest few, in order; of equally low ones the first.
fn insert<T: Copy, const N: usize>(
    kept: &mut [Option<T>; N],
    mut new: T,
    height: impl Fn(&T) -> f64,
) {
    for slot in kept {
        match slot {
            None => {
                *slot = Some(new);
                return;
            }
            Some(old) if height(&new) < height(old) => std::mem::swap(old, &mut new),
            Some(_) => {}
        }
    }
}
