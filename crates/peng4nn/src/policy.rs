//! The flags of the stopping policy.

use clap::{Args, ValueEnum};
use peng_predict::policy::{
    Spec,
    peng4nn::{self, Axis},
};

use crate::exit::Failure;

/// The parameters of the published rule: stop when the last predictions agree.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stopping")]
pub(crate) struct PolicyArgs {
    /// Observations before the first prediction (the paper's `C_min`)
    #[arg(long, value_name = "N", default_value_t = 3)]
    min_observations: usize,
    /// Predictions in a row that must agree (the paper's N)
    #[arg(long, value_name = "N", default_value_t = 3)]
    window: usize,
    /// How far they may lie from their median, in points (the paper's r)
    #[arg(
        long,
        value_name = "POINTS",
        allow_negative_numbers = true,
        default_value_t = 0.5
    )]
    radius: f64,
    /// What a curve is fitted over
    #[arg(long, value_enum, default_value_t = XAxis::Epoch)]
    x_axis: XAxis,
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
    /// The policy, if the parameters are in their ranges.
    pub(crate) fn spec(&self) -> Result<Spec, Failure> {
        let axis = match self.x_axis {
            XAxis::Epoch => Axis::ByEpoch,
            XAxis::Observation => Axis::ByObservation,
        };
        let spec = peng4nn::Spec::new(self.min_observations, self.window, self.radius).map_err(
            |error| {
                // The engine's name of the flag.
                let text = error.to_string().replacen("c_min", "min-observations", 1);
                Failure::input(anyhow::anyhow!("--{text}"))
            },
        )?;
        Ok(Spec::Peng4nn(spec.with_axis(axis)))
    }
}
