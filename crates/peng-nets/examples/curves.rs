//! Trains genomes of the macro space on Fashion-MNIST and prints their learning curves as CSV:
//! genome, epoch, loss, validation accuracy, seconds, images a second.
//!
//! `cargo run --release -p peng-nets --example curves -- DATA CHANNELS TRAIN SETTINGS GENOME...`,
//! for example `~/.cache/peng4nn/datasets/fashion-mnist 8,16,32 8000 '{"epochs":12}' 100-111-110`.

use std::error::Error;
use std::path::Path;

use peng_nets::Device;
use peng_nets::dataset::Check;
use peng_nets::dataset::fashion_mnist::{self, CLASSES, INPUT};
use peng_nets::dataset::split::{Sizes, Split};
use peng_nets::device;
use peng_nets::train::{Settings, Step, Training};
use peng_search::Network;
use peng_search::macro_space::{Genome, Space, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, channels, train, settings, genomes @ ..] = arguments.as_slice() else {
        return Err("give DATA CHANNELS TRAIN SETTINGS GENOME...".into());
    };
    device::set_threads(1);
    let images = fashion_mnist::load(Path::new(data), Check::Official)?;
    let sizes = Sizes {
        train: Some(train.parse()?),
        validation: 5000,
    };
    let split = Split::new(&images.train, sizes, 1)?;
    let settings: Settings = serde_json::from_str(settings)?;
    let channels = channels
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    for (seed, genome) in (1..).zip(genomes) {
        let genome: Genome = genome.parse()?;
        let space = Space::new(genome.nodes(), Vec::clone(&channels), INPUT, CLASSES)?;
        let network = Network::Macro(decode(&space, &genome)?);
        eprintln!(
            "{genome}: {} parameters, {:.1} MFLOPs",
            network.parameters(),
            network.flops() as f64 / 1e6
        );
        let (split, settings) = (split.share(), settings.clone());
        let measurements = settings.epochs * settings.validations;
        let mut training = Training::new(&network, split, settings, seed, Device::Cpu)?;
        for _ in 0..measurements {
            if let Step::Done(measured) = training.advance(&|| false)? {
                let rate = measured.images as f64 / measured.seconds;
                println!(
                    "{genome},{},{:.4},{:.2},{:.2},{rate:.0}",
                    measured.epoch, measured.loss, measured.accuracy, measured.seconds
                );
            }
        }
        let test = training.accuracy(&images.test, &|| false)?;
        eprintln!(
            "{genome}: {:.2} % on the test images",
            test.unwrap_or(f64::NAN)
        );
    }
    Ok(())
}
