//! Search spaces.

use peng_search::{
    Space, described,
    macro_space::{self, Input},
    sequential::{self, Limits},
};

use crate::{error::Error, v1};

/// Reads a space that a message has to have; `field` is where.
pub fn parse_space(field: &str, wire: Option<v1::Space>) -> Result<Space, Error> {
    match wire.and_then(|wire| wire.space) {
        Some(v1::space::Space::Macro(wire)) => parse_macro(wire)
            .map(Space::from)
            .map_err(|error| Error::field(format!("{field}.macro.{}", at_fault(&error)), error)),
        Some(v1::space::Space::Sequential(wire)) => parse_sequential(wire)
            .map(Space::from)
            .map_err(|error| Error::field(format!("{field}.sequential"), error)),
        Some(v1::space::Space::Described(wire)) => {
            serde_json::from_str::<described::Space>(&wire.json)
                .map(Space::from)
                .map_err(|error| Error::field(format!("{field}.described.json"), error))
        }
        None => Err(Error::field(
            field,
            "is missing; a macro, sequential or described space would be right",
        )),
    }
}

fn parse_macro(wire: v1::MacroSpace) -> Result<macro_space::Space, macro_space::Error> {
    let input = Input {
        channels: size(wire.input_channels),
        height: size(wire.input_height),
        width: size(wire.input_width),
    };
    let channels = wire.channels.into_iter().map(size).collect();
    macro_space::Space::new(size(wire.nodes), channels, input, size(wire.classes))
}

fn parse_sequential(wire: v1::SequentialSpace) -> Result<sequential::Space, sequential::Error> {
    let input = Input {
        channels: size(wire.input_channels),
        height: size(wire.input_height),
        width: size(wire.input_width),
    };
    let sizes = |list: Vec<u32>| list.into_iter().map(size).collect();
    let counts = |counts: Option<v1::Counts>| {
        counts.map_or((0, 0), |counts| (size(counts.least), size(counts.most)))
    };
    let interval = |interval: Option<v1::Range>| {
        interval.map_or((0.0, 0.0), |interval| (interval.least, interval.most))
    };
    let limits = Limits {
        layers: counts(wire.layers),
        filters: sizes(wire.filters),
        kernels: sizes(wire.kernels),
        strides: sizes(wire.strides),
        dense: counts(wire.dense),
        units: sizes(wire.units),
        dropout: wire.dropout,
        learning_rate: interval(wire.learning_rate),
        momentum: interval(wire.momentum),
        weight_decay: interval(wire.weight_decay),
        batch_sizes: sizes(wire.batch_sizes),
    };
    sequential::Space::new(limits, input, size(wire.classes))
}

/// The field of the message that the error is about.
fn at_fault(error: &macro_space::Error) -> String {
    match error {
        macro_space::Error::Range { field, .. } if field.starts_with("phases") => {
            "channels".to_owned()
        }
        macro_space::Error::Range { field, .. } => field.replace("input.", "input_"),
        macro_space::Error::TooSmall { .. } => "input_height".to_owned(),
    }
}

/// A space for the wire.
pub fn space_to_wire(space: &Space) -> v1::Space {
    let space = match space {
        Space::Macro(space) => v1::space::Space::Macro(macro_to_wire(space)),
        Space::Sequential(space) => v1::space::Space::Sequential(sequential_to_wire(space)),
        Space::Described(space) => v1::space::Space::Described(v1::DescribedSpace {
            // Names and finite numbers can be written.
            json: serde_json::to_string(space).unwrap_or_default(),
        }),
    };
    v1::Space { space: Some(space) }
}

fn macro_to_wire(space: &macro_space::Space) -> v1::MacroSpace {
    let input = space.input();
    v1::MacroSpace {
        nodes: count(space.nodes()),
        channels: space.channels().iter().copied().map(count).collect(),
        input_channels: count(input.channels),
        input_height: count(input.height),
        input_width: count(input.width),
        classes: count(space.classes()),
    }
}

fn sequential_to_wire(space: &sequential::Space) -> v1::SequentialSpace {
    let (limits, input) = (space.limits(), space.input());
    let counted = |list: &[usize]| list.iter().copied().map(count).collect();
    let counts = |(least, most)| {
        Some(v1::Counts {
            least: count(least),
            most: count(most),
        })
    };
    let interval = |(least, most)| Some(v1::Range { least, most });
    v1::SequentialSpace {
        layers: counts(limits.layers),
        filters: counted(&limits.filters),
        kernels: counted(&limits.kernels),
        strides: counted(&limits.strides),
        dense: counts(limits.dense),
        units: counted(&limits.units),
        dropout: limits.dropout.clone(),
        learning_rate: interval(limits.learning_rate),
        momentum: interval(limits.momentum),
        weight_decay: interval(limits.weight_decay),
        batch_sizes: counted(&limits.batch_sizes),
        input_channels: count(input.channels),
        input_height: count(input.height),
        input_width: count(input.width),
        classes: count(space.classes()),
    }
}

fn size(count: u32) -> usize {
    count as usize
}

fn count(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut v1::MacroSpace);

    fn space() -> Space {
        let input = Input {
            channels: 1,
            height: 28,
            width: 28,
        };
        let space = macro_space::Space::new(4, vec![8, 16, 32], input, 10);
        space.unwrap().into()
    }

    #[test]
    fn a_space_survives_the_wire() {
        let input = space().input().unwrap();
        let sequential = sequential::Space::new(Limits::default(), input, 10).unwrap();
        let described = r#"{"parameters": [{"name": "a", "choice": [1, true, "b", 0.5]}]}"#;
        let described: described::Space = serde_json::from_str(described).unwrap();
        for space in [space(), sequential.into(), described.into()] {
            let wire = space_to_wire(&space);
            assert_eq!(parse_space("space", Some(wire)).unwrap(), space);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let changes: [(&str, Change); 5] = [
            ("space.macro.nodes", |s| s.nodes = 1),
            ("space.macro.channels", |s| s.channels.clear()),
            ("space.macro.channels[1]", |s| s.channels[1] = 0),
            ("space.macro.input_channels", |s| s.input_channels = 0),
            ("space.macro.input_height", |s| s.input_height = 3),
        ];
        for (field, change) in changes {
            let mut wire = space_to_wire(&space());
            let Some(v1::space::Space::Macro(inner)) = &mut wire.space else {
                unreachable!("a space has one form");
            };
            change(inner);
            let error = parse_space("space", Some(wire)).unwrap_err();
            assert_eq!(error.fields[0].0, field);
        }
        let described = v1::DescribedSpace {
            json: r#"{"parameters": []}"#.to_owned(),
        };
        let wire = v1::Space {
            space: Some(v1::space::Space::Described(described)),
        };
        let error = parse_space("space", Some(wire)).unwrap_err();
        assert_eq!(error.fields[0].0, "space.described.json");
        let error = parse_space("space", None).unwrap_err();
        assert_eq!(error.fields[0].0, "space");
    }
}
