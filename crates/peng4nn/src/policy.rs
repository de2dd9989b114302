//! The stopping policy, from its name and parameters or from the flags of the published rule.

use clap::{Args, ValueEnum};
use peng_predict::policy::{
    Spec,
    peng4nn::{self, Axis},
};

use crate::exit::Failure;

/// The published parameters of the published rule (arXiv 2101.04185, section 4.1).
const C_MIN: usize = 3;
const WINDOW: usize = 3;
const RADIUS: f64 = 0.5;

/// The policy of `NAME` or `NAME:key=value,..` with more parameters as `key=value`.
pub(crate) fn parse(policy: &str, more: &[String]) -> Result<Spec, Failure> {
    let (name, own) = policy.split_once(':').unwrap_or((policy, ""));
    let own = own.split(',').filter(|pair| !pair.is_empty());
    let pairs: Vec<(&str, &str)> = own
        .chain(more.iter().map(String::as_str))
        .map(pair)
        .collect::<Result<_, _>>()?;
    Spec::parse(name, &pairs).map_err(Failure::input)
}

fn pair(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| {
        Failure::input(anyhow::anyhow!(
            "`{text}` is no parameter; key=value would be right"
        ))
    })
}

/// A policy by its name, or the published rule by its parameters.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stopping")]
pub(crate) struct PolicyArgs {
    /// A policy, `NAME` or `NAME:key=value,..`; a name that is none is answered
    /// with those there are [default: adaptive in a search, else peng4nn]
    #[arg(
        long,
        value_name = "POLICY",
        conflicts_with_all = ["min_observations", "window", "radius", "x_axis"]
    )]
    policy: Option<String>,
    /// A parameter of that policy
    #[arg(
        long,
        value_name = "KEY=VALUE",
        requires = "policy",
        conflicts_with_all = ["min_observations", "window", "radius", "x_axis"]
    )]
    set: Vec<String>,
    /// Of `peng4nn`: observations before the first prediction (the paper's
    /// `C_min`) [default: 3]
    #[arg(long, value_name = "N")]
    min_observations: Option<usize>,
    /// Of `peng4nn`: predictions in a row that must agree (the paper's N)
    /// [default: 3]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Of `peng4nn`: how far they may lie from their median, in points (the
    /// paper's r) [default: 0.5]
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Of `peng4nn`: what a curve is fitted over [default: epoch]
    #[arg(long, value_enum)]
    x_axis: Option<XAxis>,
}

/// What a curve is fitted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum XAxis {
    /// The epoch as reported
    Epoch,
    /// 1, 2, 3, .. by observation
    Observation,
}

impl PolicyArgs {
    /// The policy, if the parameters are in their ranges; `default` where no flag names one.
    pub(crate) fn spec_or(&self, default: impl FnOnce() -> Spec) -> Result<Spec, Failure> {
        if let Some(policy) = &self.policy {
            return parse(policy, &self.set);
        }
        let (c_min, window, radius) = (self.min_observations, self.window, self.radius);
        if c_min.or(window).is_none() && radius.is_none() && self.x_axis.is_none() {
            return Ok(default());
        }
        let axis = match self.x_axis.unwrap_or(XAxis::Epoch) {
            XAxis::Epoch => Axis::ByEpoch,
            XAxis::Observation => Axis::ByObservation,
        };
        let spec = peng4nn::Spec::new(
            c_min.unwrap_or(C_MIN),
            window.unwrap_or(WINDOW),
            radius.unwrap_or(RADIUS),
        )
        .map_err(|error| {
            // The engine's name of the flag.
            let text = error.to_string().replacen("c_min", "min-observations", 1);
            Failure::input(anyhow::anyhow!("--{text}"))
        })?;
        Ok(Spec::Peng4nn(spec.with_axis(axis)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use peng_predict::policy::adaptive;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        policy: PolicyArgs,
    }

    fn spec(flags: &[&str]) -> Spec {
        let flags = ["test"].iter().chain(flags);
        let flags = Flags::try_parse_from(flags).unwrap();
        flags
            .policy
            .spec_or(|| Spec::Adaptive(adaptive::Spec::default()))
            .unwrap()
    }

    #[test]
    fn the_flags_are_those_of_the_published_rule() {
        assert_eq!(spec(&["--window", "3"]), Spec::default());
        assert_eq!(spec(&["--x-axis", "epoch"]), Spec::default());
        assert_eq!(spec(&[]).name(), "adaptive");
        let named = spec(&["--policy", "peng4nn:radius=0.25", "--set", "window=4"]);
        assert_eq!(named, spec(&["--radius", "0.25", "--window", "4"]));
    }

    #[test]
    fn a_policy_and_flags_of_another_exclude_each_other() {
        for flags in [
            ["--policy", "asha", "--radius", "1"],
            ["--set", "factor=3", "--window", "3"],
        ] {
            let flags = ["test"].iter().chain(&flags);
            assert!(Flags::try_parse_from(flags).is_err());
        }
    }
}
