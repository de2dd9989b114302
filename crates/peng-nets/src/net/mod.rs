//! A network of any space, with its weights.

mod error;
mod layers;
mod macro_net;
mod sequential_net;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;

use peng_search::Network;
use peng_search::macro_space::Input;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::dataset::size;
pub use error::{Error, MAX_PARAMETERS};
pub(crate) use layers::Pass;
use macro_net::MacroNet;
use sequential_net::SequentialNet;
use weights::Weights;

/// A network with its weights.
#[derive(Debug)]
pub struct Net {
    store: VarStore,
    body: Body,
    input: Input,
    classes: usize,
}

#[derive(Debug)]
enum Body {
    Macro(MacroNet),
    Sequential(SequentialNet),
}

impl Net {
    /// Builds the network with initial weights drawn from `seed`, the same on every device.
    pub fn new(network: &Network, seed: u64, device: Device) -> Result<Self, Error> {
        if network.parameters() > MAX_PARAMETERS {
            return Err(Error::TooLarge(network.parameters()));
        }
        let store = VarStore::new(device);
        let mut weights = Weights::new(&store, seed);
        let (body, input, classes) = match network {
            Network::Macro(architecture) => (
                Body::Macro(MacroNet::new(&mut weights, architecture)?),
                architecture.input,
                architecture.classes,
            ),
            Network::Sequential(architecture) => (
                Body::Sequential(SequentialNet::new(&mut weights, architecture)?),
                architecture.input,
                architecture.classes,
            ),
            Network::Described { .. } => return Err(Error::Described),
        };
        Ok(Self {
            store,
            body,
            input,
            classes,
        })
    }

    /// The shape of an image.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.store.device()
    }

    /// Scores of shape images x classes for normalised images of shape images x channels x height
    /// x width, as the trained network gives them.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.run(&mut Pass::evaluation(), images)
    }

    /// Scores, in 32 bits.
    pub(crate) fn run(&self, pass: &mut Pass<'_>, images: &Tensor) -> Result<Tensor, Error> {
        let images = pass.ordered(images)?;
        let scores = match &self.body {
            Body::Macro(net) => net.forward(pass, &images)?,
            Body::Sequential(net) => net.forward(pass, &images)?,
        };
        Ok(scores.f_to_kind(Kind::Float)?)
    }

    /// Operations of one image's forward pass, counted from the tensors of a pass that is run.
    pub fn operations(&self) -> Result<u64, Error> {
        let Input {
            channels,
            height,
            width,
        } = self.input;
        let shape = [1, size(channels), size(height), size(width)];
        let image = Tensor::f_zeros(shape, (Kind::Float, self.device()))?;
        let mut pass = Pass::evaluation();
        let _guard = tch::no_grad_guard();
        let _ = self.run(&mut pass, &image)?;
        Ok(pass.operations())
    }

    /// Number of trainable parameters, counted in the built network.
    pub fn parameters(&self) -> u64 {
        self.trainable()
            .iter()
            .map(|tensor| tensor.size().iter().product::<i64>().unsigned_abs())
            .sum()
    }

    /// The trainable tensors in the order they were made.
    pub(crate) fn trainable(&self) -> Vec<Tensor> {
        self.store.trainable_variables()
    }

    /// Makes the weights constants.
    pub(crate) fn freeze(&mut self) {
        self.store.freeze();
    }

    /// Every tensor, trainable or not, by name.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }

    /// Writes the weights in the safetensors format (the name must end in `.safetensors`).
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(self.store.save(path)?)
    }

    /// Reads weights that [`save`](Self::save) wrote for the same network.
    pub fn load(&mut self, path: &Path) -> Result<(), Error> {
        Ok(self.store.load(path)?)
    }
}
