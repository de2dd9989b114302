//! Genomes drawn, crossed and mutated, parameter by parameter in their order.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::{Domain, Space, Value, Values};

impl Space {
    /// Every active parameter drawn from its domain.
    pub(crate) fn random(&self, rng: &mut impl Rng) -> Values {
        self.fill(rng, |_, _| None)
    }

    /// Uniform crossover: each parameter from one parent or the other, by the toss of a coin; from
    /// the other where one does not have it; drawn where neither has it.
    pub(crate) fn cross(&self, mother: &Values, father: &Values, rng: &mut impl Rng) -> Values {
        self.fill(rng, |name, coin| {
            let (first, second) = if coin {
                (mother, father)
            } else {
                (father, mother)
            };
            first.get(name).or_else(|| second.get(name)).cloned()
        })
    }

    /// One active parameter drawn anew, another value where it can have one; parameters that
    /// become active by it are drawn, those that no longer are are dropped.
    pub(crate) fn mutate(&self, values: &Values, rng: &mut impl Rng) -> Values {
        const TRIES: usize = 16;
        let names: Vec<&String> = values.0.keys().collect();
        let Some(&changed) = names.choose(rng) else {
            return values.clone();
        };
        let before = &values.0[changed];
        let parameter = self.parameters.iter().find(|p| p.name == *changed);
        let mut after = before.clone();
        for _ in 0..TRIES {
            if let Some(parameter) = parameter.filter(|_| after == *before) {
                after = parameter.domain.draw(rng);
            }
        }
        self.fill(rng, |name, _| {
            if name == changed {
                Some(after.clone())
            } else {
                values.get(name).cloned()
            }
        })
    }

    /// Values in the order of the parameters: what `given` gives (it is told the name and a fair
    /// coin), else drawn.
    fn fill(&self, rng: &mut impl Rng, given: impl Fn(&str, bool) -> Option<Value>) -> Values {
        let mut values = Values::default();
        for parameter in &self.parameters {
            if !parameter.is_active(&values) {
                continue;
            }
            let value = given(&parameter.name, rng.random());
            let value = value.unwrap_or_else(|| parameter.domain.draw(rng));
            values.0.insert(parameter.name.clone(), value);
        }
        values
    }
}

impl Domain {
    fn draw(&self, rng: &mut impl Rng) -> Value {
        match self {
            Self::Choice(values) => values
                .choose(rng)
                .cloned()
                .expect("a checked choice has a value"),
            Self::Integer(range) => Value::Integer(rng.random_range(range.from..=range.to)),
            Self::Real(range) => {
                let share: f64 = rng.random();
                let value = if range.log {
                    let (from, to) = (range.from.ln(), range.to.ln());
                    (from + share * (to - from)).exp()
                } else {
                    // Their difference may be too large for a number.
                    range.from * (1.0 - share) + range.to * share
                };
                Value::Real(rounded(value).clamp(range.from, range.to))
            }
        }
    }
}

/// Six digits are as good as sixteen, and can be read.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
