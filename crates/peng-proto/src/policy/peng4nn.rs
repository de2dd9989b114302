//! The paper's policy.

use peng_predict::{family, policy::peng4nn};

use super::{count, count_to_wire};
use crate::{error::Error, experiment::unknown, v1};

pub(super) fn parse(wire: &v1::Peng4nnPolicy) -> Result<peng4nn::Spec, Error> {
    let default = peng4nn::Spec::default();
    let spec = peng4nn::Spec::new(
        count(wire.min_observations, default.c_min()),
        count(wire.window, default.window()),
        wire.radius.unwrap_or(default.radius()),
    );
    let spec = spec
        .and_then(|spec| spec.with_origin(wire.x_origin.unwrap_or(default.origin())))
        .and_then(|spec| spec.with_never_learns_epochs(wire.never_learns_epochs))
        .map_err(refused)?;
    let family: family::Name = match wire.family.as_str() {
        "" => default.family(),
        name => name
            .parse()
            .map_err(|error| Error::field("family", error))?,
    };
    let axis = match v1::XAxis::try_from(wire.x_axis) {
        Ok(v1::XAxis::Unspecified | v1::XAxis::Epoch) => peng4nn::Axis::ByEpoch,
        Ok(v1::XAxis::Observation) => peng4nn::Axis::ByObservation,
        Err(_) => {
            return Err(unknown(
                "x_axis",
                wire.x_axis,
                "X_AXIS_EPOCH or X_AXIS_OBSERVATION",
            ));
        }
    };
    let plausible = match v1::Plausibility::try_from(wire.plausibility) {
        Ok(v1::Plausibility::Unspecified | v1::Plausibility::Newest) => peng4nn::Plausible::Newest,
        Ok(v1::Plausibility::Window) => peng4nn::Plausible::Window,
        Err(_) => {
            let right = "PLAUSIBILITY_NEWEST or PLAUSIBILITY_WINDOW";
            return Err(unknown("plausibility", wire.plausibility, right));
        }
    };
    let threshold = match v1::RadiusKind::try_from(wire.radius_kind) {
        Ok(v1::RadiusKind::Unspecified | v1::RadiusKind::Absolute) => peng4nn::Threshold::Absolute,
        Ok(v1::RadiusKind::Relative) => peng4nn::Threshold::Relative,
        Err(_) => {
            let right = "RADIUS_KIND_ABSOLUTE or RADIUS_KIND_RELATIVE";
            return Err(unknown("radius_kind", wire.radius_kind, right));
        }
    };
    Ok(spec
        .with_family(family)
        .with_threshold(threshold)
        .with_axis(axis)
        .with_plausible(plausible)
        .with_clear_at_bound(
            wire.clear_window_at_bound
                .unwrap_or(default.clear_at_bound()),
        ))
}

fn refused(error: peng4nn::Error) -> Error {
    let field = match error {
        peng4nn::Error::CMin(_) => "min_observations",
        peng4nn::Error::Window(_) => "window",
        peng4nn::Error::Radius(_) => "radius",
        peng4nn::Error::Origin(_) => "x_origin",
        peng4nn::Error::NeverLearnsEpochs(_) => "never_learns_epochs",
    };
    Error::field(field, error)
}

pub(super) fn to_wire(spec: &peng4nn::Spec) -> v1::Peng4nnPolicy {
    let axis = match spec.axis() {
        peng4nn::Axis::ByEpoch => v1::XAxis::Epoch,
        peng4nn::Axis::ByObservation => v1::XAxis::Observation,
    };
    let plausibility = match spec.plausible() {
        peng4nn::Plausible::Newest => v1::Plausibility::Newest,
        peng4nn::Plausible::Window => v1::Plausibility::Window,
    };
    let threshold = match spec.threshold() {
        peng4nn::Threshold::Absolute => v1::RadiusKind::Absolute,
        peng4nn::Threshold::Relative => v1::RadiusKind::Relative,
    };
    v1::Peng4nnPolicy {
        min_observations: Some(count_to_wire(spec.c_min())),
        window: Some(count_to_wire(spec.window())),
        radius: Some(spec.radius()),
        family: spec.family().as_str().to_owned(),
        x_axis: axis.into(),
        x_origin: Some(spec.origin()),
        clear_window_at_bound: Some(spec.clear_at_bound()),
        plausibility: plausibility.into(),
        radius_kind: threshold.into(),
        never_learns_epochs: spec.never_learns_epochs(),
    }
}
