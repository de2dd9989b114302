//! Trained networks as files: weights in the safetensors format, a description in JSON, and the
//! same network as `TorchScript`, which needs nothing of this project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use peng_search::{Genome, Space};
use serde::{Deserialize, Serialize};
use tch::{CModule, Device, Kind, TchError, Tensor};

use crate::dataset::{Dataset, size};
use crate::net::{self, Net, Pass};
use crate::train::{self, Training};

/// What there is to know of an exported network. Files are named beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The data set by its id.
    pub dataset: String,
    /// The space that the genome is taken from.
    pub space: Space,
    /// The genome.
    pub genome: Genome,
    /// The candidate's seed.
    pub seed: u64,
    /// Epochs trained.
    pub epochs: f64,
    /// Accuracy on the validation images in percent, 0 to 100.
    pub accuracy: f64,
    /// Operations of one image's forward pass.
    pub flops: u64,
    /// Trainable parameters.
    pub parameters: u64,
    /// Mean of each channel over the training images, for values from 0 to 255.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    pub deviation: Vec<f64>,
    /// The file of the weights, in the safetensors format.
    pub weights: String,
    /// The file of the network as `TorchScript`: images x channels x height x width from 0 to 255
    /// in, scores out.
    pub script: String,
}

/// Whose network it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The data set by its id.
    pub dataset: String,
    /// The space that the genome is taken from.
    pub space: Space,
    /// The genome.
    pub genome: Genome,
    /// The candidate's seed.
    pub seed: u64,
}

/// An exported network, loaded.
#[derive(Debug)]
pub struct Exported {
    /// What it is.
    pub description: Description,
    net: Net,
    mean: Tensor,
    deviation: Tensor,
}

/// Why a network cannot be exported or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be written or read.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A description is none.
    #[error("{} describes no network", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A genome is not of its space.
    #[error("the genome is not of the space")]
    Genome(#[from] peng_search::space::Mismatch),
    /// The network cannot be built, run, written or read.
    #[error("the network failed")]
    Net(#[from] net::Error),
    /// The images are not of the network's shape.
    #[error("the network cannot be measured on these images")]
    Images(#[source] Box<train::Error>),
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::Net(error.into())
    }
}

/// Writes the network that `training` has come to as `NAME.json`, `NAME.safetensors` and `NAME.pt`
/// in `folder`, which is made if it is not there. The description comes last.
pub fn write(
    training: &Training,
    origin: Origin,
    folder: &Path,
    name: &str,
) -> Result<Description, Error> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let net = training.net();
    let last = training.measured().last();
    let (mean, deviation) = training.split().statistics();
    let description = Description {
        dataset: origin.dataset,
        space: origin.space,
        genome: origin.genome,
        seed: origin.seed,
        epochs: last.map_or(0.0, |last| last.epoch),
        accuracy: last.map_or(0.0, |last| last.accuracy),
        flops: net.operations()?,
        parameters: net.parameters(),
        mean: numbers(mean)?,
        deviation: numbers(deviation)?,
        weights: format!("{name}.safetensors"),
        script: format!("{name}.pt"),
    };
    let weights = folder.join(&description.weights);
    net.save(&weights)?;
    // Only what needs no gradient can be traced, so a copy is.
    let network = description.space.decode(&description.genome)?;
    let mut frozen = Net::new(&network, 0, net.device())?;
    frozen.load(&weights)?;
    frozen.freeze();
    script(&frozen, mean, deviation)?.save(folder.join(&description.script))?;
    let path = folder.join(format!("{name}.json"));
    let text = serde_json::to_vec_pretty(&description).map_err(|source| Error::Description {
        path: path.clone(),
        source,
    })?;
    fs::write(&path, text).map_err(failed(&path))?;
    Ok(description)
}

/// The network with its normalisation, traced.
fn script(net: &Net, mean: &Tensor, deviation: &Tensor) -> Result<CModule, Error> {
    let input = net.input();
    let shape = [2, input.channels, input.height, input.width].map(size);
    let images = Tensor::f_zeros(shape, (Kind::Float, net.device()))?;
    let mut result = Ok(());
    let mut trace = |images: &[Tensor]| {
        let scores = || -> Result<Tensor, net::Error> {
            let values = images[0].f_sub(mean)?.f_div(deviation)?;
            net.forward(&values)
        };
        scores().map_or_else(
            |error| {
                result = Err(error);
                Vec::new()
            },
            |scores| vec![scores],
        )
    };
    let _guard = tch::no_grad_guard();
    let module = CModule::create_by_tracing("peng4nn", "forward", &[images], &mut trace);
    result?;
    Ok(module?)
}

impl Exported {
    /// Loads what [`write`] wrote, by its description.
    pub fn load(path: &Path, device: Device) -> Result<Self, Error> {
        let text = fs::read(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let description = serde_json::from_slice::<Description>(&text);
        let description = description.map_err(|source| Error::Description {
            path: path.to_path_buf(),
            source,
        })?;
        let network = description.space.decode(&description.genome)?;
        let mut net = Net::new(&network, 0, device)?;
        net.load(&path.with_file_name(&description.weights))?;
        let statistics = |values: &[f64]| -> Result<Tensor, TchError> {
            let shape = [1, size(values.len()), 1, 1];
            let values = Tensor::f_from_slice(values)?.f_view(shape)?;
            values.f_to_kind(Kind::Float)?.f_to_device(device)
        };
        Ok(Self {
            net,
            mean: statistics(&description.mean)?,
            deviation: statistics(&description.deviation)?,
            description,
        })
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Accuracy in percent on images of the kind that it was trained on, 0 to 100.
    pub fn accuracy(&self, dataset: &Dataset) -> Result<f64, Error> {
        train::check_shape(&self.net, dataset).map_err(|error| Error::Images(Box::new(error)))?;
        let normalised = |images: &Tensor| {
            let values = images.f_to_kind(Kind::Float)?;
            values.f_sub(&self.mean)?.f_div(&self.deviation)
        };
        let pass = || Pass::evaluation();
        let accuracy = train::accuracy(&self.net, dataset, &normalised, &pass, &|| false)?;
        // Nothing interrupts it.
        Ok(accuracy.unwrap_or(f64::NAN))
    }
}

fn numbers(values: &Tensor) -> Result<Vec<f64>, TchError> {
    let values = values.f_flatten(0, -1)?.f_to_kind(Kind::Double)?;
    Vec::try_from(values.f_to_device(Device::Cpu)?)
}
