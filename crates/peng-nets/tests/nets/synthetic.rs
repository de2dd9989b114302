//! A small data set that a network can learn: each class lights its own row of an image.

use peng_nets::dataset::Dataset;
use peng_nets::dataset::split::{Sizes, Split};
use peng_search::Network;
use peng_search::macro_space::{Genome, Input, Space, decode};
use peng_search::sequential;

pub(crate) const INPUT: Input = Input {
    channels: 1,
    height: 8,
    width: 8,
};
pub(crate) const CLASSES: usize = 4;

/// Images of 8 x 8: rows 2c and 2c + 1 bright for class c, over a noise that repeats.
pub(crate) fn images(count: usize) -> (Vec<u8>, Vec<u8>) {
    let labels: Vec<u8> = (0_u8..4).cycle().take(count).collect();
    let mut noise = 12_345_u32;
    let mut values = Vec::with_capacity(count * 64);
    for &label in &labels {
        for row in 0_u8..8 {
            for _ in 0..8 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bright = if row / 2 == label { 90 } else { 0 };
                values.push(bright + (noise >> 25) as u8);
            }
        }
    }
    (values, labels)
}

pub(crate) fn split(train: usize) -> Split {
    let (values, labels) = images(train + 100);
    let dataset = Dataset::new(&values, &labels, INPUT, CLASSES).unwrap();
    let sizes = Sizes {
        train: Some(train),
        validation: 100,
    };
    Split::new(&dataset, sizes, 5).unwrap()
}

/// A genome's network with 4 channels in the first phase, twice as many in each that follows.
pub(crate) fn network(genome: &str) -> Network {
    let genome: Genome = genome.parse().unwrap();
    let channels = (0..genome.phases()).map(|phase| 4 << phase).collect();
    let space = Space::new(genome.nodes(), channels, INPUT, CLASSES).unwrap();
    Network::Macro(decode(&space, &genome).unwrap())
}

/// A small sequential network with dropout.
pub(crate) fn sequential() -> Network {
    let space = sequential::Space::new(sequential::Limits::default(), INPUT, CLASSES).unwrap();
    let values = r#"{"layers":2,"dense":1,"dense1_units":32,"dense1_dropout":0.25,
        "conv1_filters":8,"conv1_kernel":3,"conv1_stride":1,"conv1_padding":"same","conv1_pool":"max",
        "conv2_filters":16,"conv2_kernel":3,"conv2_stride":2,"conv2_padding":"valid","conv2_pool":"none",
        "learning_rate":0.05,"momentum":0.9,"weight_decay":0.0001,"batch_size":32}"#;
    Network::Sequential(sequential::decode(&space, &values.parse().unwrap()).unwrap())
}
