//! Files in parts, so that what was chosen on one can be judged on another.

use std::str::FromStr;

/// Which part of a file's curves: `0/2` and `1/2` are its halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    part: u64,
    parts: u64,
}

/// Decides which of the possible splits it is.
const SEED: u64 = 1;

impl Split {
    /// Whether the curve of that name is in the part: by the name alone, whatever else the file
    /// holds.
    pub(super) fn holds(self, curve: &str) -> bool {
        hash(curve) % self.parts == self.part
    }
}

/// FNV-1a from a seeded basis, its bits mixed as splitmix64 does: the remainder of FNV alone hangs
/// on the last letter.
fn hash(text: &str) -> u64 {
    let basis = 0xCBF2_9CE4_8422_2325 ^ SEED;
    let mut z = text.bytes().fold(basis, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let split = numbers.and_then(|(part, parts)| {
            Some(Self {
                part: part.parse().ok()?,
                parts: parts.parse().ok()?,
            })
        });
        split
            .filter(|split| split.part < split.parts && split.parts <= 1000)
            .ok_or_else(|| "must be PART/PARTS, from 0/PARTS on, as 0/2 or 1/2".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Split;

    #[test]
    fn every_curve_is_in_one_part_and_parts_are_of_a_size() {
        let names: Vec<String> = (0..3000).map(|number| format!("arch{number}")).collect();
        let parts = ["0/3", "1/3", "2/3"].map(|text| text.parse::<Split>().unwrap());
        let mut sizes = [0; 3];
        for name in &names {
            let holding: Vec<usize> = (0..3).filter(|&part| parts[part].holds(name)).collect();
            assert_eq!(holding.len(), 1, "{name}");
            sizes[holding[0]] += 1;
        }
        assert!(
            sizes.iter().all(|size| (930..1070).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "1", "2/2", "0/0", "-1/2", "0/1001", "a/2", "0/2/3"] {
            assert!(text.parse::<Split>().is_err(), "{text}");
        }
    }
}
