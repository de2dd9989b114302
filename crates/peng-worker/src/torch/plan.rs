//! From the plan of a search to the settings of one training.

use peng_nets::{
    Device,
    train::{self as nets, Augmentation, Rule, Settings},
};
use peng_proto::search::{Optimizer, Precision, Schedule, Training as Plan};
use peng_search::Network;

/// The settings of a candidate's training. What a sequential network has of its own replaces what
/// the plan says.
pub(super) fn settings(plan: &Plan, network: &Network, device: Device) -> Settings {
    let method = &plan.method;
    let half = method.precision == Precision::Bfloat16 && device.is_cuda();
    let settings = Settings {
        epochs: plan.epochs,
        validations: method.validations_per_epoch,
        batch: plan.batch_size as usize,
        optimizer: match method.optimizer {
            Optimizer::Sgd => Rule::Sgd,
            Optimizer::Adam => Rule::Adam,
            Optimizer::Adamw => Rule::Adamw,
        },
        learning_rate: plan.learning_rate,
        momentum: plan.momentum,
        weight_decay: plan.weight_decay,
        clip_norm: method.clip_norm,
        schedule: match method.schedule {
            Schedule::Constant => nets::Schedule::Constant,
            Schedule::Step {
                every_epochs: every,
                factor,
            } => nets::Schedule::Step { every, factor },
            Schedule::Cosine => nets::Schedule::Cosine,
        },
        warm_up: method.warm_up_epochs,
        averaging: method.averaging,
        label_smoothing: method.label_smoothing,
        augmentation: Augmentation {
            shift: method.shift,
            flip: method.flip,
            cutout: method.cutout,
        },
        precision: if half {
            nets::Precision::Bfloat16
        } else {
            nets::Precision::Float32
        },
        channels_last: half,
    };
    let Network::Sequential(network) = network else {
        return settings;
    };
    let own = network.hyperparameters;
    Settings {
        batch: own.batch_size,
        learning_rate: own.learning_rate,
        momentum: own.momentum,
        weight_decay: own.weight_decay,
        ..settings
    }
}
