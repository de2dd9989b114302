//! Fits of every family to any points.

use arbitrary::Arbitrary;
use peng_predict::family::Name;
use peng_predict::fit::{self, Workspace};

use crate::Number;

/// The most points of a fit.
const MOST: usize = 64;

/// Points of a curve and where it is predicted.
#[derive(Clone, Debug, Arbitrary)]
pub struct Points {
    /// x and y.
    pub points: Vec<(Number, Number)>,
    /// Whether they come with x increasing, as the engine hands them to a fit.
    pub sorted: bool,
    /// The x of the prediction.
    pub at: Number,
}

/// A fit is a curve of finite numbers within the family's bounds, or a failure that says why;
/// and the same bits whatever was fitted before in the workspace.
pub fn check(input: &Points) {
    let numbers = input.points.iter().take(MOST);
    let mut points: Vec<_> = numbers.map(|(x, y)| (x.get(), y.get())).collect();
    if input.sorted {
        points.retain(|(x, y)| x.is_finite() && y.is_finite());
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|a, b| a.0 >= b.0);
    }
    let (x, y): (Vec<_>, Vec<_>) = points.into_iter().unzip();
    let mut workspace = Workspace::default();
    for &name in Name::ALL {
        let found = fit::fit(name, &x, &y);
        let again = fit::fit_in(&mut workspace, name, &x, &y);
        assert_eq!(format!("{found:?}"), format!("{again:?}"));
        let curve = match found {
            Ok(curve) => curve,
            Err(why) => {
                assert!(!why.to_string().is_empty());
                continue;
            }
        };
        assert!(curve.sse.is_finite() && curve.sse >= 0.0, "{curve:?}");
        let bounds = name.family().parameters();
        assert_eq!(curve.parameters.len(), bounds.len());
        for (value, bound) in curve.parameters.iter().zip(bounds) {
            let allowed = bound.lower..=bound.upper;
            assert!(value.is_finite() && allowed.contains(value), "{curve:?}");
        }
        let width = fit::half_width(&curve, &x, input.at.get());
        assert!(
            width.is_none_or(|width| width.is_finite() && width >= 0.0),
            "{curve:?}"
        );
    }
}
