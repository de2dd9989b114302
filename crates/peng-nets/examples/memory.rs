//! Memory over many candidates in one process: trains networks of the macro space for a few
//! batches, each on a thread of its own as the worker does, and prints the resident memory.
//!
//! `cargo run --release -p peng-nets --example memory -- CANDIDATES`.

use std::error::Error;
use std::fs;
use std::thread;
use std::time::Duration;

use peng_nets::dataset::Dataset;
use peng_nets::dataset::split::{Sizes, Split};
use peng_nets::train::{Settings, Training};
use peng_nets::{Device, device, memory};
use peng_search::macro_space::{Input, Space};
use peng_search::settings::{Algorithm, Goal};
use peng_search::{Search, Settings as Plan};

fn main() -> Result<(), Box<dyn Error>> {
    memory::keep_pages();
    let candidates = std::env::args().nth(1).ok_or("give CANDIDATES")?.parse()?;
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    let search = Search::new(Plan {
        algorithm: Algorithm::Random,
        space: Space::new(4, vec![8, 16, 32], input, 10)?.into(),
        seed: 1,
        candidates,
        lease: Duration::from_mins(1),
        attempts: 1,
        goal: Goal::Maximize,
    })?;
    let values: Vec<u8> = (0_u8..=255).cycle().take(2_000 * 784).collect();
    let labels: Vec<u8> = (0..10).cycle().take(2_000).collect();
    let sizes = Sizes {
        train: Some(1_000),
        validation: 1_000,
    };
    let split = Split::new(&Dataset::new(&values, &labels, input, 10)?, sizes, 1)?;
    let settings = Settings {
        epochs: 1,
        ..Settings::default()
    };
    println!("candidate,resident_mib");
    for (number, candidate) in (1..).zip(search.candidates()) {
        let network = search.settings().space.decode(&candidate.genome)?;
        let (split, settings) = (split.share(), settings.clone());
        let trained = thread::spawn(move || {
            device::set_threads(1);
            let training = Training::new(&network, split, settings, number, Device::Cpu);
            training.and_then(|mut training| training.advance(&|| false))
        });
        let _ = trained.join().map_err(|_| "the training panicked")??;
        println!("{number},{:.1}", resident()?);
    }
    Ok(())
}

/// Resident memory of this process in MiB.
fn resident() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib
        .ok_or("/proc/self/status has no VmRSS")?
        .parse::<f64>()?
        / 1024.0)
}
