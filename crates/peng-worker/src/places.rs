//! The slots of this worker: so many on each device.

use std::{os::unix::process::parent_id, process, sync::Arc};

use peng_nets::{Device, device};
use peng_worker::Post;

use crate::{
    args::Args,
    torch::{Keep, Stock, Torch},
};

/// Where a slot trains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// The slot's name.
    pub(crate) name: String,
    device: Device,
}

/// The slots of every device.
pub(crate) fn places(args: &Args) -> Result<Vec<Place>, device::Error> {
    let mut devices: Vec<Device> = Vec::new();
    for choice in &args.devices {
        for device in choice.resolve()? {
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
    }
    // A slot's process is one of this worker, and names itself as such.
    let worker = if args.slot.is_some() {
        parent_id()
    } else {
        process::id()
    };
    let (name, each) = (args.name(worker), args.slots.get());
    let mut places = Vec::new();
    for &device in &devices {
        for number in 1..=each {
            let mut name = name.clone();
            if devices.len() > 1 {
                name = format!("{name}/{}", device::name(device));
            }
            if each > 1 {
                name = format!("{name}-{number}");
            }
            places.push(Place { name, device });
        }
    }
    Ok(places)
}

impl Place {
    /// The slot, to train with so many threads.
    pub(crate) fn post(&self, args: &Args, threads: usize, keep: Keep) -> Post {
        Post {
            name: self.name.clone(),
            trainer: Arc::new(Torch {
                device: self.device,
                threads,
                stock: Stock::new(args.data.clone(), args.check()),
                keep,
            }),
        }
    }
}
