//! The parameters that a genome has a value for.

use super::Limits;
use crate::described::{Condition, Domain, Error, Integers, Parameter, Reals, Space, Value};

/// The parameters within limits: those of the n-th layer are active when there are n layers.
pub(super) fn of(limits: &Limits) -> Result<Space, Error> {
    let mut parameters = vec![counted("layers", limits.layers)];
    for layer in 1..=limits.layers.1 {
        let when = there_are("layers", layer, limits.layers);
        let mut add = |name: &str, domain| {
            parameters.push(Parameter {
                name: format!("conv{layer}_{name}"),
                domain,
                when: when.clone(),
            });
        };
        add("filters", sizes(&limits.filters));
        add("kernel", sizes(&limits.kernels));
        add("stride", sizes(&limits.strides));
        add("padding", texts(["same", "valid"]));
        add("pool", texts(["max", "none"]));
    }
    parameters.push(counted("dense", limits.dense));
    for layer in 1..=limits.dense.1 {
        let when = there_are("dense", layer, limits.dense);
        let name = |name| format!("dense{layer}_{name}");
        parameters.push(Parameter {
            name: name("units"),
            domain: sizes(&limits.units),
            when: when.clone(),
        });
        let dropout = limits.dropout.iter().map(|share| Value::Real(*share));
        parameters.push(Parameter {
            name: name("dropout"),
            domain: Domain::Choice(distinct(dropout)),
            when,
        });
    }
    let real = |name: &str, (from, to): (f64, f64), log| Parameter {
        name: name.to_owned(),
        domain: Domain::Real(Reals { from, to, log }),
        when: Vec::new(),
    };
    parameters.push(real("learning_rate", limits.learning_rate, true));
    parameters.push(real("momentum", limits.momentum, false));
    parameters.push(real("weight_decay", limits.weight_decay, true));
    parameters.push(Parameter {
        name: "batch_size".to_owned(),
        domain: sizes(&limits.batch_sizes),
        when: Vec::new(),
    });
    Space::new(parameters)
}

fn counted(name: &str, (least, most): (usize, usize)) -> Parameter {
    Parameter {
        name: name.to_owned(),
        domain: Domain::Integer(Integers {
            from: whole(least),
            to: whole(most),
        }),
        when: Vec::new(),
    }
}

/// Holds when there are at least `layer`; none where there always are.
fn there_are(name: &str, layer: usize, (least, most): (usize, usize)) -> Vec<Condition> {
    if layer <= least {
        return Vec::new();
    }
    vec![Condition {
        parameter: name.to_owned(),
        is: (layer..=most)
            .map(|count| Value::Integer(whole(count)))
            .collect(),
    }]
}

fn sizes(list: &[usize]) -> Domain {
    Domain::Choice(distinct(
        list.iter().map(|&size| Value::Integer(whole(size))),
    ))
}

fn texts(list: [&str; 2]) -> Domain {
    Domain::Choice(list.map(|text| Value::Text(text.to_owned())).to_vec())
}

fn distinct(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut list = Vec::new();
    for value in values {
        if !list.contains(&value) {
            list.push(value);
        }
    }
    list
}

fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
