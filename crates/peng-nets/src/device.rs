//! Where a network is trained.

use std::fmt;
use std::str::FromStr;

use tch::{Cuda, Device};

use crate::cuda;

/// The wish for devices: `auto`, `cpu`, `cuda` (the first one) or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Every CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device with this number, from 0.
    Cuda(usize),
}

/// Why there is no such device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text names none.
    #[error("{0:?} is no device: it must be auto, cpu, cuda or cuda:N with N from 0")]
    Unknown(String),
    /// The installed libtorch has no CUDA part.
    #[error(
        "cuda:{index} is not to be had, as this libtorch has no CUDA part: {reason}; cpu is to be \
         had, and CUDA with a whole libtorch (README.md, What is trained)"
    )]
    NoLibrary {
        /// The device asked for.
        index: usize,
        /// The loader's word on it.
        reason: String,
    },
    /// The machine has fewer devices.
    #[error(
        "cuda:{index} is not to be had: {count} CUDA devices can be used here, from cuda:0, and cpu"
    )]
    Missing {
        /// The device asked for.
        index: usize,
        /// How many there are; 0 also without a driver.
        count: usize,
    },
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| Error::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.pad("auto"),
            Self::Cpu => out.pad("cpu"),
            Self::Cuda(index) => out.pad(&format!("cuda:{index}")),
        }
    }
}

impl Choice {
    /// The devices that fulfil the wish here, at least one.
    pub fn resolve(self) -> Result<Vec<Device>, Error> {
        match self {
            Self::Auto if cuda_count() > 0 => Ok((0..cuda_count()).map(Device::Cuda).collect()),
            Self::Auto | Self::Cpu => Ok(vec![Device::Cpu]),
            Self::Cuda(index) => {
                cuda::load().map_err(|reason| Error::NoLibrary {
                    index,
                    reason: reason.to_owned(),
                })?;
                let count = cuda_count();
                if index < count {
                    Ok(vec![Device::Cuda(index)])
                } else {
                    Err(Error::Missing { index, count })
                }
            }
        }
    }
}

/// The name of a device, as it is wished for.
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(index) => format!("cuda:{index}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// How many CUDA devices can be used; 0 without libtorch's CUDA part or without a driver.
pub fn cuda_count() -> usize {
    if cuda::load().is_err() {
        return 0;
    }
    usize::try_from(Cuda::device_count()).unwrap_or(0)
}

/// Sets how many CPU threads libtorch uses for work started on the calling thread (at least 1).
///
/// Every training slot sets its own on its own thread: more threads than quiet cores make
/// training slower, and the same seed gives the same weights only with the same number.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(i32::try_from(threads.max(1)).unwrap_or(i32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, choice) in [
            ("auto", Choice::Auto),
            ("cpu", Choice::Cpu),
            ("cuda:3", Choice::Cuda(3)),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Choice::Cuda(0)));
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x"] {
            let error = text.parse::<Choice>().unwrap_err();
            assert!(error.to_string().contains("auto, cpu, cuda or cuda:N"));
        }
    }

    #[test]
    fn devices_that_are_not_there_are_errors() {
        assert_eq!(Choice::Cpu.resolve(), Ok(vec![Device::Cpu]));
        assert!(Choice::Auto.resolve().is_ok());
        let error = Choice::Cuda(99).resolve().unwrap_err();
        assert!(error.to_string().starts_with("cuda:99 is not to be had"));
    }
}
