//! Stopping policies: messages to [`Spec`] and back. A field has the name of the engine's
//! parameter.

mod named;
mod peng4nn;

use std::fmt;

use peng_predict::{
    Epoch,
    policy::{
        Spec, adaptive, any_of, asha,
        fixed::{self, At},
        hyperband, median, patience,
    },
};

use crate::{error::Error, v1};

/// Reads a policy of the field `policy`; unset is the default one.
pub(crate) fn parse(policy: Option<&v1::Policy>) -> Result<Spec, Error> {
    read(policy, 0).map_err(|error| error.within("policy"))
}

/// Reads a policy that is so many `any_of` deep.
fn read(policy: Option<&v1::Policy>, depth: usize) -> Result<Spec, Error> {
    let Some(policy) = policy.and_then(|policy| policy.policy.as_ref()) else {
        return Ok(Spec::default());
    };
    match policy {
        v1::policy::Policy::Peng4nn(wire) => at("peng4nn", peng4nn::parse(wire)).map(Spec::Peng4nn),
        v1::policy::Policy::Median(wire) => at("median", median(wire)).map(Spec::Median),
        v1::policy::Policy::Asha(wire) => at("asha", asha(wire)).map(Spec::Asha),
        v1::policy::Policy::Hyperband(wire) => {
            at("hyperband", hyperband(wire)).map(Spec::Hyperband)
        }
        v1::policy::Policy::Patience(wire) => at("patience", patience(wire)).map(Spec::Patience),
        v1::policy::Policy::Fixed(wire) => at("fixed", fixed(wire)).map(Spec::Fixed),
        v1::policy::Policy::Adaptive(wire) => at("adaptive", adaptive(wire)).map(Spec::Adaptive),
        v1::policy::Policy::AnyOf(wire) => at("any_of", any_of(wire, depth)).map(Spec::AnyOf),
        v1::policy::Policy::Named(wire) => at("named", named::parse(wire)),
    }
}

fn at<T>(name: &str, spec: Result<T, Error>) -> Result<T, Error> {
    spec.map_err(|error| error.within(name))
}

/// A parameter that the engine refused: its message begins with the parameter's name.
fn refused(error: impl fmt::Display) -> Error {
    let text = error.to_string();
    let field = text.split(' ').next().unwrap_or_default();
    Error::field(field, &text)
}

fn count(given: Option<u32>, default: usize) -> usize {
    given.map_or(default, |count| count as usize)
}

fn count_to_wire(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn epoch(field: &str, epochs: f64) -> Result<At, Error> {
    Epoch::new(epochs)
        .map(At::Epoch)
        .map_err(|error| Error::field(field, error))
}

fn median(wire: &v1::MedianPolicy) -> Result<median::Spec, Error> {
    let default = median::Spec::default();
    let spec = median::Spec::new(
        wire.percentile.unwrap_or(default.percentile()),
        count(wire.startup_trials, default.startup_trials()),
    );
    spec.and_then(|spec| {
        spec.with_schedule(
            wire.warmup_epochs.unwrap_or(default.warmup_epochs()),
            wire.interval_epochs.unwrap_or(default.interval_epochs()),
        )
    })
    .and_then(|spec| spec.with_min_trials(count(wire.min_trials, default.min_trials())))
    .map(|spec| spec.with_running_average(wire.running_average.unwrap_or_default()))
    .map_err(refused)
}

fn asha(wire: &v1::AshaPolicy) -> Result<asha::Spec, Error> {
    let default = asha::Spec::default();
    let first = match wire.first_rung {
        None => default.first(),
        Some(v1::asha_policy::FirstRung::FirstEpoch(epochs)) => epoch("first_epoch", epochs)?,
        Some(v1::asha_policy::FirstRung::FirstShare(share)) => At::Share(share),
    };
    asha::Spec::new(first, count(wire.factor, default.factor()))
        .and_then(|spec| spec.with_bootstrap_trials(count(wire.bootstrap_trials, 0)))
        .map_err(refused)
}

fn hyperband(wire: &v1::HyperbandPolicy) -> Result<hyperband::Spec, Error> {
    let first = wire.first_bracket.unwrap_or_default();
    at("first_bracket", asha(&first)).map(hyperband::Spec::new)
}

fn patience(wire: &v1::PatiencePolicy) -> Result<patience::Spec, Error> {
    let default = patience::Spec::default();
    patience::Spec::new(
        count(wire.observations, default.observations()),
        wire.min_gain.unwrap_or(default.min_gain()),
        wire.warmup_epochs.unwrap_or(default.warmup_epochs()),
    )
    .map_err(refused)
}

fn fixed(wire: &v1::FixedPolicy) -> Result<fixed::Spec, Error> {
    let at = match wire.at {
        None => fixed::Spec::default().at(),
        Some(v1::fixed_policy::At::Epoch(epochs)) => epoch("epoch", epochs)?,
        Some(v1::fixed_policy::At::Share(share)) => At::share(share).map_err(refused)?,
    };
    Ok(fixed::Spec::new(at))
}

fn adaptive(wire: &v1::AdaptivePolicy) -> Result<adaptive::Spec, Error> {
    let default = adaptive::Spec::default();
    adaptive::Spec::new(
        wire.best_fraction.unwrap_or(default.best_fraction()),
        wire.risk.unwrap_or(default.risk()),
    )
    .and_then(|spec| spec.with_explore(wire.explore.unwrap_or(default.explore())))
    .and_then(|spec| spec.with_accuracy(wire.accuracy))
    .and_then(|spec| spec.with_startup_trials(count(wire.startup_trials, default.startup_trials())))
    .and_then(|spec| spec.with_tolerance(wire.tolerance))
    .map(|spec| spec.with_families(wire.families.unwrap_or(default.families())))
    .map_err(refused)
}

fn any_of(wire: &v1::AnyOfPolicy, depth: usize) -> Result<any_of::Spec, Error> {
    if depth > 0 {
        return Err(refused(any_of::Error::Nested));
    }
    let policies =
        wire.policies.iter().enumerate().map(|(index, policy)| {
            at(&format!("policies[{index}]"), read(Some(policy), depth + 1))
        });
    any_of::Spec::new(policies.collect::<Result<_, _>>()?).map_err(refused)
}

/// The policy with every default filled in.
pub(crate) fn to_wire(spec: &Spec) -> v1::Policy {
    let policy = match spec {
        Spec::Peng4nn(spec) => v1::policy::Policy::Peng4nn(peng4nn::to_wire(spec)),
        Spec::Median(spec) => v1::policy::Policy::Median(v1::MedianPolicy {
            percentile: Some(spec.percentile()),
            startup_trials: Some(count_to_wire(spec.startup_trials())),
            warmup_epochs: Some(spec.warmup_epochs()),
            interval_epochs: Some(spec.interval_epochs()),
            min_trials: Some(count_to_wire(spec.min_trials())),
            running_average: Some(spec.running_average()),
        }),
        Spec::Asha(spec) => v1::policy::Policy::Asha(asha_to_wire(spec)),
        Spec::Hyperband(spec) => v1::policy::Policy::Hyperband(v1::HyperbandPolicy {
            first_bracket: Some(asha_to_wire(spec.first_bracket())),
        }),
        Spec::Patience(spec) => v1::policy::Policy::Patience(v1::PatiencePolicy {
            observations: Some(count_to_wire(spec.observations())),
            min_gain: Some(spec.min_gain()),
            warmup_epochs: Some(spec.warmup_epochs()),
        }),
        Spec::Fixed(spec) => v1::policy::Policy::Fixed(v1::FixedPolicy {
            at: Some(match spec.at() {
                At::Epoch(epoch) => v1::fixed_policy::At::Epoch(epoch.get()),
                At::Share(share) => v1::fixed_policy::At::Share(share),
            }),
        }),
        Spec::Adaptive(spec) => v1::policy::Policy::Adaptive(v1::AdaptivePolicy {
            best_fraction: Some(spec.best_fraction()),
            risk: Some(spec.risk()),
            explore: Some(spec.explore()),
            accuracy: spec.accuracy(),
            startup_trials: Some(count_to_wire(spec.startup_trials())),
            tolerance: spec.tolerance(),
            families: Some(spec.families()),
        }),
        Spec::AnyOf(spec) => v1::policy::Policy::AnyOf(v1::AnyOfPolicy {
            policies: spec.policies().iter().map(to_wire).collect(),
        }),
        // Without a message of its own.
        _ => v1::policy::Policy::Named(named::to_wire(spec)),
    };
    v1::Policy {
        policy: Some(policy),
    }
}

fn asha_to_wire(spec: &asha::Spec) -> v1::AshaPolicy {
    v1::AshaPolicy {
        first_rung: Some(match spec.first() {
            At::Epoch(epoch) => v1::asha_policy::FirstRung::FirstEpoch(epoch.get()),
            At::Share(share) => v1::asha_policy::FirstRung::FirstShare(share),
        }),
        factor: Some(count_to_wire(spec.factor())),
        bootstrap_trials: Some(count_to_wire(spec.bootstrap_trials())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_survives_the_wire() {
        for (name, pairs) in [
            (
                "peng4nn",
                vec![("threshold", "relative"), ("never_learns_epochs", "9")],
            ),
            (
                "median",
                vec![("running_average", "true"), ("interval_epochs", "2")],
            ),
            ("asha", vec![("first_share", "0.1"), ("factor", "4")]),
            (
                "hyperband",
                vec![("first_epoch", "0.5"), ("bootstrap_trials", "3")],
            ),
            ("patience", vec![("min_gain", "0.25")]),
            ("fixed", vec![("epoch", "7")]),
            ("fixed", vec![("share", "0.25")]),
            (
                "adaptive",
                vec![("risk", "0.05"), ("accuracy", "0.25"), ("tolerance", "9.5")],
            ),
            (
                "adaptive",
                vec![
                    ("explore", "0.5"),
                    ("startup_trials", "9"),
                    ("families", "true"),
                ],
            ),
            (
                "any_of",
                vec![("policies", "asha,patience"), ("asha.factor", "2")],
            ),
        ] {
            let spec = Spec::parse(name, &pairs).unwrap();
            assert_eq!(parse(Some(&to_wire(&spec))).unwrap(), spec);
        }
    }

    #[test]
    fn unset_fields_are_the_defaults() {
        let wire = |policy| v1::Policy {
            policy: Some(policy),
        };
        for (name, policy) in [
            (
                "median",
                v1::policy::Policy::Median(v1::MedianPolicy::default()),
            ),
            ("asha", v1::policy::Policy::Asha(v1::AshaPolicy::default())),
            (
                "hyperband",
                v1::policy::Policy::Hyperband(v1::HyperbandPolicy::default()),
            ),
            (
                "patience",
                v1::policy::Policy::Patience(v1::PatiencePolicy::default()),
            ),
            (
                "fixed",
                v1::policy::Policy::Fixed(v1::FixedPolicy::default()),
            ),
            (
                "adaptive",
                v1::policy::Policy::Adaptive(v1::AdaptivePolicy::default()),
            ),
        ] {
            let none: &[(&str, &str)] = &[];
            let default = Spec::parse(name, none).unwrap();
            assert_eq!(parse(Some(&wire(policy))).unwrap(), default);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let asha = |wire| v1::Policy {
            policy: Some(v1::policy::Policy::Asha(wire)),
        };
        let wrong = asha(v1::AshaPolicy {
            factor: Some(1),
            ..v1::AshaPolicy::default()
        });
        let path = |policy: &v1::Policy| parse(Some(policy)).unwrap_err().fields[0].0.clone();
        assert_eq!(path(&wrong), "policy.asha.factor");
        let share = v1::asha_policy::FirstRung::FirstShare(f64::NAN);
        let share = asha(v1::AshaPolicy {
            first_rung: Some(share),
            ..v1::AshaPolicy::default()
        });
        assert_eq!(path(&share), "policy.asha.first_share");
        let any_of = |policies| v1::Policy {
            policy: Some(v1::policy::Policy::AnyOf(v1::AnyOfPolicy { policies })),
        };
        let part = any_of(vec![v1::Policy::default(), wrong]);
        assert_eq!(path(&part), "policy.any_of.policies[1].asha.factor");
        let nested = any_of(vec![part]);
        assert_eq!(path(&nested), "policy.any_of.policies[0].any_of.policies");
    }
}
