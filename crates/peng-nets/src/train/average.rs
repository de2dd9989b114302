//! The moving average of a network's weights (Polyak and Juditsky, 1992): what is measured.

use peng_search::Network;
use tch::{Device, TchError, Tensor};

use crate::net::{self, Net};

/// A second network whose weights and running statistics follow the trained one's.
#[derive(Debug)]
pub(crate) struct Average {
    net: Net,
    /// Each tensor with the one that it follows.
    pairs: Vec<(Tensor, Tensor)>,
    decay: f64,
    /// How often it followed.
    pub(crate) updates: u64,
}

impl Average {
    /// Starts at the weights that `trained` has now.
    pub(crate) fn new(
        network: &Network,
        trained: &Net,
        device: Device,
        decay: f64,
    ) -> Result<Self, net::Error> {
        let net = Net::new(network, 0, device)?;
        let pairs = net
            .tensors()
            .into_iter()
            .zip(trained.tensors())
            .map(|((_, mut average), (_, current))| {
                tch::no_grad(|| average.f_copy_(&current))?;
                Ok((average, current))
            })
            .collect::<Result<_, TchError>>()?;
        Ok(Self {
            net,
            pairs,
            decay,
            updates: 0,
        })
    }

    /// The network with the averaged weights.
    pub(crate) fn net(&self) -> &Net {
        &self.net
    }

    /// Moves every tensor towards the one it follows; faster at first, so that the average does
    /// not remember the initial weights.
    pub(crate) fn update(&mut self) -> Result<(), TchError> {
        self.updates += 1;
        let early = self.updates as f64 / (self.updates as f64 + 9.0);
        let share = 1.0 - self.decay.min(early);
        let _guard = tch::no_grad_guard();
        for (average, current) in &mut self.pairs {
            let _ = average.f_lerp_(current, share)?;
        }
        Ok(())
    }
}
