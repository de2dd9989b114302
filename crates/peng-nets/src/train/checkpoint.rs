//! Checkpoints: a training written to a folder between two batches, and gone on with from there to
//! the bit.
//!
//! The tensors are in a safetensors file, everything else in `state.json`, which names it. The
//! state is put in place last and at once, so a checkpoint is whole or not there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use peng_search::Network;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{Measurement, Place, Settings, Training};

const STATE: &str = "state.json";
const FORMAT: u32 = 1;

/// What is not a tensor.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    format: u32,
    /// The file of the tensors.
    tensors: String,
    /// The network as JSON: the checkpoint is for no other.
    network: serde_json::Value,
    seed: u64,
    settings: Settings,
    /// Images trained on and images that validate.
    images: (usize, usize),
    place: Place,
    optimizer_steps: u64,
    average_updates: u64,
    measured: Vec<Measurement>,
}

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be written or read.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state is not one that this program wrote.
    #[error("{} is no state of a training", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The checkpoint is of another training.
    #[error("{} is of another {what}", path.display())]
    Foreign {
        /// The state's file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The tensors cannot be written or read.
    #[error("the tensors in {} cannot be used: {source}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TchError,
    },
}

impl Training {
    /// Writes a checkpoint to `folder`, which is made if it is not there, in place of the one
    /// before it. `writer` tells apart those who may write to the folder at the same time: letters
    /// and digits.
    pub fn save(&self, folder: &Path, writer: &str) -> Result<(), Error> {
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let Place { epoch, batch, .. } = self.place;
        let measured = self.measured.len();
        let name = format!("{writer}-{epoch}-{batch}-{measured}.safetensors");
        let path = folder.join(&name);
        // Written once more, it would be no checkpoint for as long as that takes.
        if path.is_file() && self.is_saved(folder, &name) {
            return Ok(());
        }
        self.write_tensors(&path).inspect_err(|_| {
            // Where the disk is full, the next one would be refused for it, too.
            let _ = fs::remove_file(&path);
        })?;
        let state = State {
            format: FORMAT,
            tensors: name.clone(),
            network: described(&self.network),
            seed: self.seed,
            settings: self.settings.clone(),
            images: (self.split.train.len(), self.split.validation.len()),
            place: self.place,
            optimizer_steps: self.optimizer.steps,
            average_updates: self.average.as_ref().map_or(0, |average| average.updates),
            measured: self.measured.clone(),
        };
        let path = folder.join(STATE);
        let partial = folder.join(format!("{STATE}.{writer}"));
        let text = serde_json::to_vec(&state).map_err(|source| Error::State {
            path: path.clone(),
            source,
        })?;
        let replaced = fs::write(&partial, text)
            .and_then(|()| sync(&partial))
            .and_then(|()| fs::rename(&partial, &path));
        replaced.map_err(io(&path)).inspect_err(|_| {
            let _ = fs::remove_file(&partial);
            let _ = fs::remove_file(folder.join(&name));
        })?;
        clear(folder, writer, &name);
        Ok(())
    }

    /// Whether the state in the folder is the present one, with tensors in that file.
    fn is_saved(&self, folder: &Path, tensors: &str) -> bool {
        let state = fs::read(folder.join(STATE)).ok();
        let state: Option<State> = state.and_then(|text| serde_json::from_slice(&text).ok());
        state.is_some_and(|state| state.tensors == tensors && self.differs_in(&state).is_none())
    }

    /// In what a stored training is another one.
    fn differs_in(&self, state: &State) -> Option<&'static str> {
        let images = (self.split.train.len(), self.split.validation.len());
        let compared = [
            ("format", state.format == FORMAT),
            ("network", state.network == described(&self.network)),
            ("seed", state.seed == self.seed),
            ("settings", state.settings == self.settings),
            ("number of images", state.images == images),
        ];
        let differs = compared.into_iter().find(|(_, same)| !same);
        differs.map(|(what, _)| what)
    }

    fn write_tensors(&self, path: &Path) -> Result<(), Error> {
        let written = Tensor::write_safetensors(&self.tensors(), path);
        written.map_err(|source| Error::Tensors {
            path: path.to_path_buf(),
            source,
        })?;
        sync(path).map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Goes on from the checkpoint in `folder`; `false`, with nothing changed, if there is none.
    /// This training must be a fresh one of the same network, seed, settings and images.
    pub fn resume(&mut self, folder: &Path) -> Result<bool, Error> {
        let path = folder.join(STATE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(Error::Io { path, source }),
        };
        let state: State = serde_json::from_slice(&text).map_err(|source| Error::State {
            path: path.clone(),
            source,
        })?;
        if let Some(what) = self.differs_in(&state) {
            return Err(Error::Foreign { path, what });
        }
        let path = folder.join(&state.tensors);
        let failed = |source| Error::Tensors {
            path: path.clone(),
            source,
        };
        let stored = Tensor::read_safetensors(&path).map_err(failed)?;
        let named = |name: &str| stored.iter().find(|(stored, _)| stored == name);
        let mut pairs = Vec::new();
        for (name, tensor) in self.tensors() {
            let Some((_, stored)) = named(&name).filter(|(_, s)| s.size() == tensor.size()) else {
                return Err(failed(TchError::FileFormat(format!("{name} is missing"))));
            };
            pairs.push((tensor, stored));
        }
        for (mut tensor, stored) in pairs {
            tch::no_grad(|| tensor.f_copy_(stored)).map_err(failed)?;
        }
        self.place = state.place;
        self.optimizer.steps = state.optimizer_steps;
        if let Some(average) = &mut self.average {
            average.updates = state.average_updates;
        }
        self.measured = state.measured;
        self.order.clear();
        Ok(true)
    }

    /// Every tensor that counts, by name; shared, so that writing to one changes the training.
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let net = |kind: &'static str, net: &crate::net::Net| {
            let tensors = net.tensors().into_iter();
            tensors.map(move |(name, tensor)| (format!("{kind}.{name}"), tensor))
        };
        let average = self.average.iter();
        net("net", &self.net)
            .chain(average.flat_map(|average| net("average", average.net())))
            .chain(
                self.optimizer
                    .tensors()
                    .map(|(name, tensor)| (format!("optimizer.{name}"), tensor.shallow_clone())),
            )
            .chain([("loss".to_owned(), self.loss.shallow_clone())])
            .collect()
    }
}

/// Removes a checkpoint and its folder, with whatever other writers left there.
pub fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Io {
            path: folder.to_path_buf(),
            source,
        }),
        _ => Ok(()),
    }
}

fn described(network: &Network) -> serde_json::Value {
    // Names and finite numbers can be written.
    serde_json::to_value(network).unwrap_or_default()
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes the tensors that this writer wrote before. What cannot be removed does no harm.
fn clear(folder: &Path, writer: &str, kept: &str) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let old = name.to_str().is_some_and(|name| {
            name != kept && name.starts_with(&format!("{writer}-")) && name.ends_with("safetensors")
        });
        if old {
            let _ = fs::remove_file(entry.path());
        }
    }
}
