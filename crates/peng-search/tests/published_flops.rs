//! The operations that A4NN's published campaigns report (`flops`, millions, four decimals) are
//! those of networks of this space: 4 nodes, 24-48-96 channels, 127 x 127 grey images, 2 classes.
//! No genomes are published with them; all genomes of the space are counted. Of 128 x 128 images
//! none has a published cost; the nearest lie within 2.6 %.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use peng_search::macro_space::{Genome, Input, Space, decode};

/// One genome for every cost that a phase can have: the others only repeat a cost.
fn phases(space: &Space) -> Vec<String> {
    let mut seen = HashSet::new();
    let bits = |number: u32| format!("{number:07b}");
    (0..1 << 7)
        .map(bits)
        .filter(|phase| {
            let genome: Genome = format!("{phase}-0000000-0000000").parse().unwrap();
            seen.insert(decode(space, &genome).unwrap().flops())
        })
        .collect()
}

fn all_costs() -> HashSet<String> {
    let input = Input {
        channels: 1,
        height: 127,
        width: 127,
    };
    let space = Space::new(4, vec![24, 48, 96], input, 2).unwrap();
    let phases = phases(&space);
    let mut costs = HashSet::new();
    for first in &phases {
        for second in &phases {
            for third in &phases {
                let genome: Genome = format!("{first}-{second}-{third}").parse().unwrap();
                let flops = decode(&space, &genome).unwrap().flops();
                costs.insert(format!("{:.4}", flops as f64 / 1e6));
            }
        }
    }
    costs
}

#[test]
fn every_published_cost_is_that_of_a_network_of_the_space() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/a4nn_fits.csv.gz");
    if !path.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            path.display()
        );
        println!("skipped: {} is missing", path.display());
        return;
    }
    let costs = all_costs();
    let mut table =
        csv::Reader::from_reader(flate2::read::GzDecoder::new(File::open(path).unwrap()));
    let column = table
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "flops")
        .unwrap();
    let published: HashSet<String> = table
        .records()
        .map(|record| format!("{:.4}", record.unwrap()[column].parse::<f64>().unwrap()))
        .collect();
    assert_eq!(published.len(), 226);
    let strangers: Vec<&String> = published.difference(&costs).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}
