//! Images a second of the training loop, on images made up: one line of JSON for each genome of
//! the macro space. `benches/throughput.py` runs it beside Python.
//!
//! `cargo run --release -p peng-nets --example throughput -- DEVICE THREADS BATCH IMAGES EPOCHS
//! SIDE CHANNELS GENOME...`, for example `cpu 1 128 4096 3 28 8,16,32 1011010-0010110-1111111`.

use std::error::Error;
use std::time::Instant;

use peng_nets::dataset::Dataset;
use peng_nets::dataset::split::{Sizes, Split};
use peng_nets::device::{self, Choice};
use peng_nets::memory;
use peng_nets::train::{Precision, Schedule, Settings, Step, Training};
use peng_search::Network;
use peng_search::macro_space::{Genome, Input, Space, decode};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    memory::keep_pages();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [
        device,
        threads,
        batch,
        images,
        epochs,
        side,
        channels,
        genomes @ ..,
    ] = arguments.as_slice()
    else {
        return Err("give DEVICE THREADS BATCH IMAGES EPOCHS SIDE CHANNELS GENOME...".into());
    };
    let device = device.parse::<Choice>()?.resolve()?[0];
    device::set_threads(threads.parse()?);
    let side = side.parse()?;
    let input = Input {
        channels: if side == 28 { 1 } else { 3 },
        height: side,
        width: side,
    };
    let count: usize = images.parse()?;
    let half = device.is_cuda();
    let settings = Settings {
        epochs: epochs.parse()?,
        batch: batch.parse()?,
        schedule: Schedule::Constant,
        averaging: 0.0,
        precision: if half {
            Precision::Bfloat16
        } else {
            Precision::Float32
        },
        channels_last: half,
        ..Settings::default()
    };
    // The measurement is not part of the loop that is timed: one batch of images.
    let validation = settings.batch;
    let pixels = input.channels * side * side;
    let mut noise = 12_345_u32;
    let values: Vec<u8> = (0..(count + validation) * pixels)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .collect();
    let labels: Vec<u8> = (0..10).cycle().take(count + validation).collect();
    let sizes = Sizes {
        train: Some(count),
        validation,
    };
    let split = Split::new(&Dataset::new(&values, &labels, input, 10)?, sizes, 1)?;
    let split = split.to_device(device)?;
    let channels: Vec<usize> = channels
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    for genome in genomes {
        let genome: Genome = genome.parse()?;
        let space = Space::new(genome.nodes(), channels.clone(), input, 10)?;
        let network = Network::Macro(decode(&space, &genome)?);
        let mut training = Training::new(&network, split.share(), settings.clone(), 1, device)?;
        let mut rates = Vec::new();
        for _ in 0..settings.epochs {
            let start = Instant::now();
            if let Step::Done(measured) = training.advance(&|| false)? {
                rates.push(measured.images as f64 / start.elapsed().as_secs_f64());
            }
        }
        println!(
            "{}",
            json!({
                "genome": genome.to_string(),
                "architecture": network,
                "parameters": network.parameters(),
                "flops": network.flops(),
                "images_per_second": rates,
            })
        );
    }
    Ok(())
}
