//! The points of a fit and what every family wants to know of them.

use super::Failure;

/// Room for what a fit derives from its points, kept between fits so that they do not allocate.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    ln_x: Vec<f64>,
}

/// Points that are checked: at least two, all finite, `x` strictly increasing.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    x: &'a [f64],
    y: &'a [f64],
    ln_x: &'a [f64],
    mean: f64,
    spread: f64,
    spacing: Option<f64>,
}

impl Workspace {
    /// Checks the points and prepares them, with the logarithms of x for a family that asks for
    /// them.
    pub fn points<'a>(
        &'a mut self,
        x: &'a [f64],
        y: &'a [f64],
        logarithms: bool,
    ) -> Result<Points<'a>, Failure> {
        check(x, y)?;
        self.ln_x.clear();
        if logarithms && x[0] > 0.0 {
            self.ln_x.extend(x.iter().map(|x| x.ln()));
        }
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        Ok(Points {
            x,
            y,
            ln_x: &self.ln_x,
            mean,
            spread: y.iter().map(|y| (y - mean) * (y - mean)).sum(),
            spacing: even_spacing(x),
        })
    }
}

impl<'a> Points<'a> {
    /// How many there are, at least two.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> usize {
        self.x.len()
    }

    /// Their x, strictly increasing.
    pub const fn x(&self) -> &'a [f64] {
        self.x
    }

    /// Their y, in percent of the metric's range.
    pub const fn y(&self) -> &'a [f64] {
        self.y
    }

    /// The natural logarithms of x, for a family that needs them. Fails if the first x is not
    /// above zero.
    pub const fn ln_x(&self) -> Result<&'a [f64], Failure> {
        if self.ln_x.is_empty() {
            Err(Failure::OutsideOfDomain { index: 0 })
        } else {
            Ok(self.ln_x)
        }
    }

    /// The mean of y.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum of the squared distances of y from its mean.
    pub const fn spread(&self) -> f64 {
        self.spread
    }

    /// The distance of neighbours in x, where it is the same for all.
    pub const fn spacing(&self) -> Option<f64> {
        self.spacing
    }

    /// The first x.
    pub const fn first(&self) -> f64 {
        self.x[0]
    }

    /// The last x.
    pub const fn last(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    /// The x between the first and the last point.
    pub fn length(&self) -> f64 {
        self.last() - self.first()
    }

    /// The x between the first and the second point.
    pub fn first_gap(&self) -> f64 {
        self.x[1] - self.x[0]
    }
}

fn check(x: &[f64], y: &[f64]) -> Result<(), Failure> {
    if x.len() != y.len() {
        return Err(Failure::Unpaired {
            x: x.len(),
            y: y.len(),
        });
    }
    if x.len() < 2 {
        return Err(Failure::TooFewPoints { points: x.len() });
    }
    for (index, (x, y)) in x.iter().zip(y).enumerate() {
        if !x.is_finite() || !y.is_finite() {
            return Err(Failure::NotFinite { index });
        }
    }
    match x.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(index) => Err(Failure::NotIncreasing { index: index + 1 }),
        None if (x[x.len() - 1] - x[0]).is_finite() => Ok(()),
        None => Err(Failure::Overflow),
    }
}

fn even_spacing(x: &[f64]) -> Option<f64> {
    let spacing = x[1] - x[0];
    x.windows(2)
        .all(|pair| (pair[1] - pair[0]).to_bits() == spacing.to_bits())
        .then_some(spacing)
}
