//! What a curve so far says about its end, from the trials before it.

use super::features::{COUNT, Features};
use super::finals::Finals;
use super::novelty::novelty;
use super::regression::{Neighbour, Target, regress};

/// Fewer neighbours than this say nothing.
pub(super) const LEAST_NEIGHBOURS: usize = 3;
/// Share of what the neighbours tell that is within the scale of the feature kernel.
const LOCAL: f64 = 0.5;
/// Least number of neighbours within it.
const LEAST_LOCAL: f64 = 10.0;
/// Prior precision of the standardized slopes.
const RIDGE: f64 = 0.3;
/// Share of the kernel's mass whose residuals count.
const RESIDUALS: f64 = 0.1;
/// Least mass whose residuals count.
const LEAST_RESIDUALS: f64 = 15.0;
/// Weight of the residuals that are not near, for what nobody has seen yet near by.
const ELSEWHERE: f64 = 0.1;
/// Weight of an end that has nothing to do with the neighbours': Jeffreys' prior of a chance that
/// nothing has happened by yet, half a success in one trial more than there were.
const SURPRISE: f64 = 0.5;
/// So many of the finals stand for all where the end is a surprise.
const MOST_SURPRISES: usize = 50;
/// Farther from the neighbours than this, in units of their spread, is as far.
const FAR: f64 = 5.0;
/// How many residuals the Student tail counts for.
const PRIOR: f64 = 1.0;
/// Spreads below this share of the level are rounding.
const ROUNDING: f64 = 1e-9;

/// The predictive distribution of a trial's final, in short; scores, larger being better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outlook {
    /// Its median.
    pub(super) fitness: f64,
    /// The 50 % interval.
    pub(super) half: [f64; 2],
    /// The 90 % interval.
    pub(super) most: [f64; 2],
    /// Probability of ending among the best.
    pub(super) best: f64,
    /// Effective number of residuals behind it.
    pub(super) support: f64,
    /// A draw from the distribution.
    pub(super) draw: f64,
    /// How far the final is from the median, in expectation.
    pub(super) error: f64,
}

/// What the regression says of a trial.
struct Regressed {
    /// The predicted final.
    value: f64,
    /// The variance of that over a residual's.
    leverage: f64,
    /// How unlike the neighbours the trial is.
    novelty: f64,
    /// Where its curve is now.
    last: f64,
}

/// Room for the neighbours of a trial and what is calculated from them.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    /// The remembered trials that got as far, with raw features.
    pub(super) neighbours: Vec<Neighbour>,
    column: Vec<f64>,
    /// Values and their weights.
    pairs: Vec<(f64, f64)>,
    near: Vec<(Target, f64)>,
}

impl Workspace {
    /// The outlook of a trial with these features, from the neighbours.
    ///
    /// `widening` is the factor by which intervals are too narrow by experience; `chance`, in
    /// (0, 1), picks the draw. None with fewer than [`LEAST_NEIGHBOURS`], or where the numbers are
    /// too large to calculate with.
    pub(super) fn outlook(
        &mut self,
        features: &Features,
        finals: &Finals,
        widening: f64,
        chance: f64,
    ) -> Option<Outlook> {
        if self.neighbours.len() < LEAST_NEIGHBOURS {
            return None;
        }
        let (at, novelty) = self.weigh(features);
        let ([logit, value], leverage) = regress(&mut self.neighbours, &at, RIDGE)?;
        let best = self.chance(logit, finals)?;
        let regressed = Regressed {
            value,
            leverage,
            novelty,
            last: features[0],
        };
        let outlook = self.distribution(&regressed, finals, best, widening, chance);
        let numbers = [
            outlook.half,
            outlook.most,
            [outlook.fitness, outlook.best],
            [outlook.draw, outlook.error],
        ];
        numbers
            .as_flattened()
            .iter()
            .all(|number| number.is_finite())
            .then_some(outlook)
    }

    /// Standardizes features about the neighbours' and weighs the neighbours by what they tell and
    /// by their distance from the trial in question; gives that trial's own standardized features
    /// and its novelty.
    fn weigh(&mut self, features: &Features) -> (Features, f64) {
        let n = self.neighbours.len();
        let mut center = [0.0; COUNT];
        let mut scale = [0.0; COUNT];
        for j in 0..COUNT {
            let column = &mut self.column;
            column.clear();
            column.extend(self.neighbours.iter().map(|neighbour| neighbour.z[j]));
            center[j] = *column.select_nth_unstable_by(n / 2, f64::total_cmp).1;
            let away = column.iter().map(|v| (*v - center[j]).abs());
            scale[j] = (away.sum::<f64>() / n as f64)
                .max(ROUNDING * center[j].abs())
                .max(f64::MIN_POSITIVE);
        }
        let standard =
            |v: &Features| -> Features { std::array::from_fn(|j| (v[j] - center[j]) / scale[j]) };
        let at = standard(features);
        for neighbour in &mut self.neighbours {
            neighbour.z = standard(&neighbour.z);
        }
        let novelty = novelty(&self.neighbours.iter().map(|n| &n.z), &at);
        let at = at.map(|z| z.clamp(-FAR, FAR));
        self.pairs.clear();
        for neighbour in &mut self.neighbours {
            neighbour.z = neighbour.z.map(|z| z.clamp(-FAR, FAR));
            let away = neighbour.z.iter().zip(&at).map(|(z, at)| (z - at).powi(2));
            neighbour.weight = away.sum::<f64>() / COUNT as f64;
            self.pairs.push((neighbour.weight, neighbour.information));
        }
        let told: f64 = self.neighbours.iter().map(|n| n.information).sum();
        let reach = within(&mut self.pairs, (LOCAL * told).max(LEAST_LOCAL));
        for neighbour in &mut self.neighbours {
            neighbour.weight = neighbour.information * (-2.0 * neighbour.weight / reach).exp();
        }
        (at, novelty)
    }

    /// How far from the predicted logit residuals count: the distance within which enough of the
    /// kernel's mass lies.
    fn bandwidth(&mut self, logit: f64) -> f64 {
        let total: f64 = self.neighbours.iter().map(|n| n.weight).sum();
        let away = self
            .neighbours
            .iter()
            .map(|n| ((n.without[0] - logit).abs(), n.weight));
        self.pairs.clear();
        self.pairs.extend(away);
        let enough = (RESIDUALS * total).max(LEAST_RESIDUALS).min(0.8 * total);
        within(&mut self.pairs, enough)
    }

    /// The probability of ending among the best, from the residuals near the predicted logit;
    /// they stay in `near`.
    fn chance(&mut self, logit: f64, finals: &Finals) -> Option<f64> {
        let reach = self.bandwidth(logit) * 1.0001;
        let (mut mass, mut best, mut variance) = (0.0, 0.0, 0.0);
        self.near.clear();
        for n in &self.neighbours {
            let u = (n.without[0] - logit).abs() / reach;
            // Not a number counts as far.
            let weight = (1.0 - u * u).max(0.0) * n.weight;
            if weight > 0.0 {
                let residual: Target = std::array::from_fn(|k| n.draw[k] - n.without[k]);
                mass += weight;
                best += weight * finals.label(logit + residual[0]);
                variance += weight * residual[0] * residual[0];
                self.near.push(([residual[1], n.draw[1]], weight));
            }
        }
        if mass <= 0.0 {
            return None;
        }
        let scale = (variance / mass * (1.0 + 1.0 / mass)).sqrt().max(1e-9);
        let prior = tail((finals.threshold() - logit) / scale);
        Some((best + PRIOR * prior) / (mass + PRIOR))
    }

    /// The distribution of the final about its predicted value, from the residuals in `near`, at
    /// least one, and to a small part from those of all neighbours.
    ///
    /// The end may also be a surprise, the likelier the less is known of curves like this one:
    /// then it is that of any trial or, as likely, where the curve is now.
    ///
    /// Taken are the regression's residuals, or the neighbours' finals as they are where those
    /// vary less: a line through groups of trials that learn and that do not is worse than none.
    fn distribution(
        &mut self,
        regressed: &Regressed,
        finals: &Finals,
        best: f64,
        widening: f64,
        chance: f64,
    ) -> Outlook {
        let is_line = variance(&self.near, 0) <= variance(&self.near, 1);
        let (value, kind) = if is_line {
            (regressed.value, 0)
        } else {
            (0.0, 1)
        };
        let near = self.near.iter().map(|(v, weight)| (v[kind], *weight));
        self.pairs.clear();
        self.pairs.extend(near);
        let mass: f64 = self.pairs.iter().map(|(_, weight)| weight).sum();
        let squares: f64 = self.pairs.iter().map(|(_, weight)| weight * weight).sum();
        let support = mass * mass / squares;
        let total: f64 = self.neighbours.iter().map(|n| n.weight).sum();
        self.pairs.extend(self.neighbours.iter().map(|n| {
            let residual = [n.draw[1] - n.without[1], n.draw[1]];
            (residual[kind], ELSEWHERE * mass * n.weight / total)
        }));
        let surprise = mass * SURPRISE / (support / regressed.novelty + 1.0);
        let (sample, count) = finals.sample(MOST_SURPRISES);
        let each = surprise / 2.0 / count as f64;
        self.pairs.extend(sample.map(|end| (end - value, each)));
        self.pairs.push((regressed.last - value, surprise / 2.0));
        sort(&mut self.pairs);
        let mass = mass * (1.0 + ELSEWHERE) + surprise;
        // What the normal quantile lacks against Student's t, and the regression's own error.
        let spare = (support - 2.0).max(2.0);
        let least = 1.0 / support;
        let own = if is_line {
            regressed.leverage.max(least)
        } else {
            least
        };
        let short = |part: f64| (1.0 + part / spare) * (1.0 + own).sqrt();
        let wide = widening * short(2.0);
        let middle = quantile(&self.pairs, mass, 0.5);
        let at =
            |u: f64, wide: f64| value + middle + (quantile(&self.pairs, mass, u) - middle) * wide;
        let end = |u: f64| at(u, wide);
        // Who is rather not among the best is not reported as one of them.
        let bar = finals.first_below().filter(|_| best < 0.5);
        let most = |end: f64| bar.map_or(end, |bar| end.min(bar));
        let away = self
            .pairs
            .iter()
            .map(|(v, weight)| weight * (v - middle).abs());
        let error = away.sum::<f64>() / mass * short(1.0);
        Outlook {
            fitness: most(value + middle),
            half: [most(end(0.25)), end(0.75)],
            most: [most(end(0.05)), end(0.95)],
            best,
            support,
            draw: at(chance, short(1.0)),
            error,
        }
    }
}

fn sort(pairs: &mut [(f64, f64)]) {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
}

/// Sorts distances with weights and gives the one within which the weight `enough` lies, or the
/// largest; above 0.
fn within(pairs: &mut [(f64, f64)], enough: f64) -> f64 {
    sort(pairs);
    let mut mass = 0.0;
    let last = pairs.iter().find(|(_, weight)| {
        mass += weight;
        mass >= enough
    });
    last.or(pairs.last())
        .map_or(1e-9, |(away, _)| away.max(1e-9))
}

/// Probability of Student's t with four degrees of freedom to be above `t`.
fn tail(t: f64) -> f64 {
    let s = 1.0 + t * t / 4.0;
    (0.5 - 0.375 * (t / s.sqrt()) * (1.0 - t * t / s / 12.0)).clamp(0.0, 1.0)
}

/// The smallest value below which the share `u` of the weight lies; values sorted, not empty.
fn quantile(sorted: &[(f64, f64)], total: f64, u: f64) -> f64 {
    let mut mass = 0.0;
    let found = sorted.iter().find(|(_, weight)| {
        mass += weight;
        mass >= u * total
    });
    found.or(sorted.last()).map_or(0.0, |(value, _)| *value)
}

/// The weighted variance of one of two values.
fn variance(values: &[(Target, f64)], kind: usize) -> f64 {
    let mass: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mean = |of: &dyn Fn(f64) -> f64| {
        let sum: f64 = values.iter().map(|(v, weight)| of(v[kind]) * weight).sum();
        sum / mass
    };
    let center = mean(&|v| v);
    mean(&|v| (v - center).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials whose final is twice their feature, give or take one.
    fn neighbours(finals: &mut Finals) -> Vec<Neighbour> {
        let value = |i: u32| 2.0 * f64::from(i) + if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        finals.replace((0..200).map(value), 0.1);
        (0..200)
            .map(|i| {
                let target = [finals.logit(value(i)), value(i)];
                Neighbour {
                    z: [f64::from(i); COUNT],
                    target,
                    draw: target,
                    information: 1.0,
                    weight: 0.0,
                    without: [0.0; 2],
                }
            })
            .collect()
    }

    #[test]
    fn the_outlook_of_a_line_is_on_the_line() {
        let mut finals = Finals::default();
        let mut workspace = Workspace::default();
        for (feature, best) in [(100.0, 0.0..0.02), (195.0, 0.95..1.0)] {
            workspace.neighbours = neighbours(&mut finals);
            let outlook = workspace
                .outlook(&[feature; COUNT], &finals, 1.0, 0.5)
                .unwrap();
            assert!((outlook.fitness - 2.0 * feature).abs() < 3.0, "{outlook:?}");
            assert!(best.contains(&outlook.best), "{outlook:?}");
            assert!(outlook.most[0] <= outlook.half[0] && outlook.half[0] <= outlook.fitness);
            assert!(outlook.most[1] >= outlook.half[1] && outlook.half[1] >= outlook.fitness);
        }
    }

    #[test]
    fn two_neighbours_say_nothing() {
        let mut finals = Finals::default();
        let mut workspace = Workspace {
            neighbours: neighbours(&mut finals),
            ..Workspace::default()
        };
        workspace.neighbours.truncate(2);
        assert_eq!(workspace.outlook(&[1.0; COUNT], &finals, 1.0, 0.5), None);
    }

    #[test]
    fn the_tail_is_students_with_four_degrees_of_freedom() {
        for (t, above) in [(0.0, 0.5), (2.132, 0.05), (3.747, 0.01), (-2.132, 0.95)] {
            assert!((tail(t) - above).abs() < 1e-4, "{t}: {}", tail(t));
        }
    }
}
