//! Stochastic gradient descent, with every failure of libtorch an error and not a panic.

use tch::{TchError, Tensor};

/// SGD with Nesterov momentum and weight decay, as `PyTorch` defines it
/// (Sutskever et al., ICML 2013).
#[derive(Debug)]
pub(crate) struct Sgd {
    parameters: Vec<Tensor>,
    velocities: Vec<Tensor>,
    momentum: f64,
    weight_decay: f64,
}

impl Sgd {
    pub(crate) fn new(
        parameters: Vec<Tensor>,
        momentum: f64,
        weight_decay: f64,
    ) -> Result<Self, TchError> {
        let velocities = parameters
            .iter()
            .map(|parameter| parameter.f_detach()?.f_zeros_like())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            parameters,
            velocities,
            momentum,
            weight_decay,
        })
    }

    /// One step down the gradient of `loss`.
    pub(crate) fn step(&mut self, loss: &Tensor, learning_rate: f64) -> Result<(), TchError> {
        let gradients = Tensor::f_run_backward(&[loss], &self.parameters, false, false)?;
        let _guard = tch::no_grad_guard();
        let tensors = self.parameters.iter_mut().zip(&mut self.velocities);
        for ((parameter, velocity), mut gradient) in tensors.zip(gradients) {
            if self.weight_decay > 0.0 {
                gradient = gradient.f_add(&parameter.f_mul_scalar(self.weight_decay)?)?;
            }
            if self.momentum > 0.0 {
                let _ = velocity.f_mul_scalar_(self.momentum)?.f_add_(&gradient)?;
                gradient = gradient.f_add(&velocity.f_mul_scalar(self.momentum)?)?;
            }
            let _ = parameter.f_sub_(&gradient.f_mul_scalar(learning_rate)?)?;
        }
        Ok(())
    }
}
