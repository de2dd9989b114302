//! The policies that stand side by side.

use peng_predict::policy::Spec;

use crate::{exit::Failure, policy};

/// A policy as it was asked for.
pub(super) struct Policy {
    /// What it was called, with the parameters that tell it from its variants.
    pub(super) label: String,
    pub(super) spec: Spec,
}

/// Every policy with the parameters of `--set`; a key that has several values there makes a
/// variant of each policy for each value.
pub(super) fn parse(policies: &[String], set: &[String]) -> Result<Vec<Policy>, Failure> {
    let mut parsed = Vec::new();
    for policy in policies {
        for Variant { marks, pairs } in variants(set) {
            let spec = policy::parse(policy, &pairs).map_err(|failure| {
                if policies.len() > 1 && !set.is_empty() {
                    Failure::input(anyhow::anyhow!(
                        "{failure}; --set is for all policies, NAME:key=value for one"
                    ))
                } else {
                    failure
                }
            })?;
            let mut label = policy.clone();
            for mark in marks {
                label.push(if label.contains(':') { ',' } else { ':' });
                label.push_str(&mark);
            }
            parsed.push(Policy { label, spec });
        }
    }
    Ok(parsed)
}

/// A choice of one value for each key.
#[derive(Clone, Default)]
struct Variant {
    /// The choices between several values.
    marks: Vec<String>,
    pairs: Vec<String>,
}

/// All choices, the last key's values in turn first.
fn variants(set: &[String]) -> Vec<Variant> {
    let mut keys: Vec<(&str, Vec<&String>)> = Vec::new();
    for pair in set {
        let key = pair.split('=').next().unwrap_or(pair);
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, pairs)) => pairs.push(pair),
            None => keys.push((key, vec![pair])),
        }
    }
    keys.iter()
        .fold(vec![Variant::default()], |variants, (_, pairs)| {
            let longer = |variant: &Variant, pair: &String| {
                let mut variant = variant.clone();
                variant.pairs.push(pair.clone());
                if pairs.len() > 1 {
                    variant.marks.push(pair.clone());
                }
                variant
            };
            variants
                .iter()
                .flat_map(|variant| pairs.iter().map(move |pair| longer(variant, pair)))
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(policies: &[&str], set: &[&str]) -> Vec<String> {
        let own = |texts: &[&str]| -> Vec<String> {
            texts.iter().map(|text| (*text).to_owned()).collect()
        };
        let policies = parse(&own(policies), &own(set)).unwrap();
        policies.into_iter().map(|policy| policy.label).collect()
    }

    #[test]
    fn a_key_with_several_values_makes_a_variant_of_each() {
        assert_eq!(labels(&["asha"], &["factor=4"]), ["asha"]);
        let set = ["radius=1", "window=3", "radius=2"];
        let variants = ["peng4nn:radius=1", "peng4nn:radius=2"];
        assert_eq!(labels(&["peng4nn"], &set), variants);
        let set = ["factor=2", "factor=3"];
        assert_eq!(
            labels(&["asha:first_epoch=2", "hyperband"], &set),
            [
                "asha:first_epoch=2,factor=2",
                "asha:first_epoch=2,factor=3",
                "hyperband:factor=2",
                "hyperband:factor=3",
            ]
        );
    }
}
