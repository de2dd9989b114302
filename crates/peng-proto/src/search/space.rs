//! Search spaces.

use peng_search::macro_space::{self, Input, Space};

use crate::{error::Error, v1};

/// Reads a space that a message has to have; `field` is where.
pub fn parse_space(field: &str, wire: Option<v1::Space>) -> Result<Space, Error> {
    let Some(v1::space::Space::Macro(wire)) = wire.and_then(|wire| wire.space) else {
        return Err(Error::field(
            field,
            "is missing; a macro space would be right",
        ));
    };
    let size = |count: u32| count as usize;
    let input = Input {
        channels: size(wire.input_channels),
        height: size(wire.input_height),
        width: size(wire.input_width),
    };
    let channels = wire.channels.into_iter().map(size).collect();
    Space::new(size(wire.nodes), channels, input, size(wire.classes))
        .map_err(|error| Error::field(format!("{field}.macro.{}", at_fault(&error)), error))
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
    let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let input = space.input();
    v1::Space {
        space: Some(v1::space::Space::Macro(v1::MacroSpace {
            nodes: count(space.nodes()),
            channels: space.channels().iter().copied().map(count).collect(),
            input_channels: count(input.channels),
            input_height: count(input.height),
            input_width: count(input.width),
            classes: count(space.classes()),
        })),
    }
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
        Space::new(4, vec![8, 16, 32], input, 10).unwrap()
    }

    #[test]
    fn a_space_survives_the_wire() {
        let wire = space_to_wire(&space());
        assert_eq!(parse_space("space", Some(wire)).unwrap(), space());
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
        let error = parse_space("space", None).unwrap_err();
        assert_eq!(error.fields[0].0, "space");
    }
}
