//! Fits of a curve family: what goes in, what comes out.

#[cfg(test)]
mod effort;
mod interval;

use crate::family;
use crate::prediction::Curve;
pub use crate::solve::{Failure, Outcome, Points, Workspace};
pub use interval::{LEVEL, half_width, share_50};

/// The most evaluations of a family at each point that a fit takes.
///
/// A fit looks through a fixed number of places and goes down from a few of them by a bounded
/// number of steps. The tests count 838 at most over epochs as trainings report them, and 3,264
/// where they lie in all orders of magnitude.
pub const MOST_EVALUATIONS: usize = 5_000;

/// Fits a family to the points `(x[i], y[i])`, `x` strictly increasing, `y` in percent.
///
/// Deterministic; takes time proportional to the number of points. Allocates room once; see
/// [`fit_in`] for fits that do not.
pub fn fit(name: family::Name, x: &[f64], y: &[f64]) -> Result<Curve, Failure> {
    fit_in(&mut Workspace::default(), name, x, y)
}

/// [`fit`] in a workspace: allocates only where there are more points than ever before in it.
pub fn fit_in(
    workspace: &mut Workspace,
    name: family::Name,
    x: &[f64],
    y: &[f64],
) -> Result<Curve, Failure> {
    let family = name.family();
    let points = workspace.points(x, y, family.needs_logarithms())?;
    let solution = family.solve(&points)?;
    let sse = sum_of_squares(name, &solution.parameters, x, y);
    if !sse.is_finite() {
        return Err(Failure::Overflow);
    }
    Ok(Curve {
        family: name,
        parameters: solution.parameters,
        sse,
        points: x.len(),
        outcome: solution.outcome,
    })
}

/// The sum of the squared distances of the points from a family's curve.
pub fn sum_of_squares(name: family::Name, parameters: &[f64], x: &[f64], y: &[f64]) -> f64 {
    let family = name.family();
    x.iter()
        .zip(y)
        .map(|(&x, &y)| (y - family.value(parameters, x)).powi(2))
        .sum()
}
