//! Steps down a gradient, with every failure of libtorch an error and not a panic.

use tch::{Kind, TchError, Tensor};

use super::{Rule, Settings};

/// Decay of Adam's first moments.
const BETA_1: f64 = 0.9;
/// Decay of Adam's second moments.
const BETA_2: f64 = 0.999;
/// What Adam adds to a denominator.
const EPSILON: f64 = 1e-8;

/// A rule with what it remembers of the gradients before, all as `PyTorch` defines them.
#[derive(Debug)]
pub(crate) struct Optimizer {
    rule: Rule,
    momentum: f64,
    weight_decay: f64,
    clip_norm: f64,
    parameters: Vec<Tensor>,
    /// SGD's velocities or Adam's first moments.
    first: Vec<Tensor>,
    /// Adam's second moments.
    second: Vec<Tensor>,
    /// Steps taken.
    pub(crate) steps: u64,
}

impl Optimizer {
    pub(crate) fn new(parameters: Vec<Tensor>, settings: &Settings) -> Result<Self, TchError> {
        let zeros = || -> Result<Vec<Tensor>, TchError> {
            parameters
                .iter()
                .map(|parameter| parameter.f_detach()?.f_zeros_like())
                .collect()
        };
        let adam = settings.optimizer != Rule::Sgd;
        Ok(Self {
            rule: settings.optimizer,
            momentum: settings.momentum,
            weight_decay: settings.weight_decay,
            clip_norm: settings.clip_norm,
            first: zeros()?,
            second: if adam { zeros()? } else { Vec::new() },
            parameters,
            steps: 0,
        })
    }

    /// One step down the gradient of `loss`.
    pub(crate) fn step(&mut self, loss: &Tensor, rate: f64) -> Result<(), TchError> {
        let mut gradients = Tensor::f_run_backward(&[loss], &self.parameters, false, false)?;
        let _guard = tch::no_grad_guard();
        if self.clip_norm > 0.0 {
            clip(&mut gradients, self.clip_norm)?;
        }
        self.steps += 1;
        for (place, gradient) in gradients.into_iter().enumerate() {
            match self.rule {
                Rule::Sgd => self.sgd(place, gradient, rate)?,
                Rule::Adam => {
                    let gradient = self.decayed(place, gradient)?;
                    self.adam(place, &gradient, rate)?;
                }
                Rule::Adamw => {
                    let kept = 1.0 - rate * self.weight_decay;
                    let _ = self.parameters[place].f_mul_scalar_(kept)?;
                    self.adam(place, &gradient, rate)?;
                }
            }
        }
        Ok(())
    }

    /// Nesterov momentum (Sutskever et al., ICML 2013).
    fn sgd(&mut self, place: usize, gradient: Tensor, rate: f64) -> Result<(), TchError> {
        let mut gradient = self.decayed(place, gradient)?;
        if self.momentum > 0.0 {
            let velocity = &mut self.first[place];
            let _ = velocity.f_mul_scalar_(self.momentum)?.f_add_(&gradient)?;
            gradient = gradient.f_add(&velocity.f_mul_scalar(self.momentum)?)?;
        }
        let _ = self.parameters[place].f_sub_(&gradient.f_mul_scalar(rate)?)?;
        Ok(())
    }

    /// Adam (Kingma and Ba, arXiv 1412.6980).
    fn adam(&mut self, place: usize, gradient: &Tensor, rate: f64) -> Result<(), TchError> {
        // Past 2^31 steps the corrections have long been 1.
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (first, second) = (&mut self.first[place], &mut self.second[place]);
        let _ = first.f_lerp_(gradient, 1.0 - BETA_1)?;
        let squares = gradient.f_mul(gradient)?;
        let _ = second.f_lerp_(&squares, 1.0 - BETA_2)?;
        let correction = (1.0 - BETA_2.powi(steps)).sqrt();
        let mut denominator = second.f_sqrt()?;
        let denominator = denominator
            .f_div_scalar_(correction)?
            .f_add_scalar_(EPSILON)?;
        let rate = rate / (1.0 - BETA_1.powi(steps));
        let _ = self.parameters[place].f_sub_(&first.f_mul_scalar(rate)?.f_div(&denominator)?)?;
        Ok(())
    }

    /// The gradient with the L2 penalty's.
    fn decayed(&self, place: usize, gradient: Tensor) -> Result<Tensor, TchError> {
        if self.weight_decay > 0.0 {
            gradient.f_add(&self.parameters[place].f_mul_scalar(self.weight_decay)?)
        } else {
            Ok(gradient)
        }
    }

    /// What is remembered, by name.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let named = |kind: &'static str, list| {
            let name = move |(place, tensor)| (format!("{kind}.{place}"), tensor);
            <[Tensor]>::iter(list).enumerate().map(name)
        };
        named("first", &self.first).chain(named("second", &self.second))
    }
}

/// Scales all gradients down together so that their norm is at most `longest`
/// (Pascanu et al., ICML 2013). Nothing is asked of the device.
fn clip(gradients: &mut [Tensor], longest: f64) -> Result<(), TchError> {
    let Some(device) = gradients.first().map(Tensor::device) else {
        return Ok(());
    };
    let mut squares = Tensor::f_zeros([], (Kind::Float, device))?;
    for gradient in &*gradients {
        squares = squares.f_add(&gradient.f_mul(gradient)?.f_sum(Kind::Float)?)?;
    }
    let scale = squares.f_sqrt()?.f_add_scalar(1e-6)?.f_reciprocal()?;
    let scale = scale.f_mul_scalar(longest)?.f_clamp_max(1.0)?;
    for gradient in gradients {
        let _ = gradient.f_mul_(&scale)?;
    }
    Ok(())
}
