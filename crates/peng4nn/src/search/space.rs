//! The flags that say what is searched.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use peng_search::{
    Settings, Space, described, macro_space,
    sequential::{self, Limits},
    settings::{Algorithm, Goal},
};

use super::training::Shape;
use crate::exit::Failure;

/// What is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub(super) struct SpaceArgs {
    /// How candidates are proposed
    #[arg(long, value_enum, default_value_t = AlgorithmName::Nsga2)]
    algorithm: AlgorithmName,
    /// How many candidates are evaluated. With more than before, a search goes on as if it had been
    /// so from the start
    #[arg(long, value_name = "N", default_value_t = 16)]
    candidates: u32,
    /// Candidates of a generation of nsga2
    #[arg(long, value_name = "N", default_value_t = 8)]
    population: u32,
    /// Probability that a child of nsga2 has a bit or a parameter changed
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    mutation: f64,
    /// What every choice follows from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What candidates are taken from: macro (NSGA-Net's), sequential (convolutions, then dense
    /// layers, with the settings of the training), or a JSON file. A file with "parameters"
    /// describes a space for workers of your own; any other holds limits of the sequential space
    #[arg(long, value_name = "SPACE", default_value = "macro")]
    space: String,
    /// Nodes of a phase of the macro space
    #[arg(long, value_name = "N", default_value_t = 4)]
    nodes: usize,
    /// Channels of the phases of the macro space, first to last
    #[arg(
        long,
        value_name = "N,..",
        value_delimiter = ',',
        default_value = "8,16,32"
    )]
    channels: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AlgorithmName {
    /// NSGA-II over fitness and FLOPs
    Nsga2,
    /// Genomes drawn uniformly
    Random,
}

impl SpaceArgs {
    /// The settings of the search; `shape` is that of the data set, where it is known.
    pub(super) fn settings(
        &self,
        shape: Option<Shape>,
        lease: u32,
        attempts: u32,
    ) -> Result<Settings, Failure> {
        let settings = Settings {
            algorithm: match self.algorithm {
                AlgorithmName::Nsga2 => self.nsga2(),
                AlgorithmName::Random => Algorithm::Random,
            },
            space: self.space(shape)?,
            seed: self.seed,
            candidates: self.candidates,
            lease: Duration::from_secs(lease.into()),
            attempts,
            goal: Goal::Maximize,
        };
        settings.check().map_err(Failure::input)?;
        Ok(settings)
    }

    fn nsga2(&self) -> Algorithm {
        let mut algorithm = Algorithm::nsga2(self.population);
        if let Algorithm::Nsga2 { mutation, .. } = &mut algorithm {
            *mutation = self.mutation;
        }
        algorithm
    }

    fn space(&self, shape: Option<Shape>) -> Result<Space, Failure> {
        let shaped = || {
            let wrong = "the shape of the images is not known: --image CHANNELSxHEIGHTxWIDTH and \
                         --classes N would say it";
            shape.ok_or_else(|| Failure::input(anyhow!(wrong)))
        };
        match self.space.as_str() {
            "macro" => {
                let Shape { input, classes } = shaped()?;
                let channels = self.channels.clone();
                let space = macro_space::Space::new(self.nodes, channels, input, classes);
                Ok(space.map_err(Failure::input)?.into())
            }
            "sequential" => sequential(Limits::default(), shaped()?),
            file => {
                let file = Path::new(file);
                match read(file).map_err(Failure::Input)? {
                    Written::Described(space) => Ok(space.into()),
                    Written::Limits(limits) => sequential(limits, shaped()?),
                }
            }
        }
    }
}

/// What a file says of a space.
enum Written {
    Described(described::Space),
    Limits(Limits),
}

fn read(file: &Path) -> anyhow::Result<Written> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .with_context(|| format!("--space: macro, sequential or a file; cannot read {shown}"))?;
    let wrong = || format!("--space: {shown} describes no space");
    let value: serde_json::Value = serde_json::from_str(&text).with_context(wrong)?;
    Ok(if value.get("parameters").is_some() {
        Written::Described(serde_json::from_str(&text).with_context(wrong)?)
    } else {
        Written::Limits(serde_json::from_str(&text).with_context(wrong)?)
    })
}

fn sequential(limits: Limits, Shape { input, classes }: Shape) -> Result<Space, Failure> {
    let space = sequential::Space::new(limits, input, classes);
    Ok(space.map_err(Failure::input)?.into())
}
