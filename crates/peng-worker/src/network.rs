//! A network that was kept, measured on the test images.

use std::path::Path;

use anyhow::Context;
use peng_nets::{Device, dataset::source, device, export::Exported};

use crate::args::Args;

/// Prints what it is and how accurate.
pub(crate) fn test(args: &Args, description: &Path) -> anyhow::Result<()> {
    device::set_threads(args.threads(1));
    let mut devices = Vec::new();
    for choice in &args.devices {
        devices.extend(choice.resolve()?);
    }
    let device = devices.first().copied().unwrap_or(Device::Cpu);
    let network = Exported::load(description, device)?;
    let known = &network.description;
    let input = network.net().input();
    let data = source::load(&known.dataset, &args.data, input, args.check())?;
    let accuracy = network
        .accuracy(&data.test)
        .with_context(|| format!("cannot measure {}", description.display()))?;
    println!(
        "{}: {accuracy:.2} % of {} test images of {}, {:.2} % of the validation images; {} epochs, \
         {} parameters, {} FLOPs",
        known.genome,
        data.test.len(),
        known.dataset,
        known.accuracy,
        known.epochs,
        known.parameters,
        known.flops,
    );
    Ok(())
}
