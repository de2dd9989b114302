//! Real workers, and images for them.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::sleep;

use crate::harness::Service;

/// The worker's program.
pub(crate) const WORKER: &str = env!("CARGO_BIN_EXE_peng4nn-worker");

/// Images of each part.
const IMAGES: u32 = 3_000;

/// Four files in the format of Fashion-MNIST: noise, brighter in the rows of the class.
pub(crate) fn write_images(folder: &Path) {
    let mut noise = 1_u32;
    let mut pixel = |bright: bool| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 25) as u8 + if bright { 60 } else { 0 }
    };
    let labels: Vec<u8> = (0..IMAGES).map(|n| (n % 10) as u8).collect();
    let mut images = Vec::new();
    for &label in &labels {
        for row in 0..28 {
            images.extend((0..28).map(|_| pixel(row / 3 == label)));
        }
    }
    let head = |kind: u8, sizes: &[u32]| {
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, kind]
            .into_iter()
            .chain(sizes)
            .collect::<Vec<u8>>()
    };
    for part in ["train", "t10k"] {
        let file = |kind: &str| folder.join(format!("{part}-{kind}-ubyte"));
        let bytes = [head(3, &[IMAGES, 28, 28]), images.clone()].concat();
        fs::write(file("images-idx3"), bytes).unwrap();
        let bytes = [head(1, &[IMAGES]), labels.clone()].concat();
        fs::write(file("labels-idx1"), bytes).unwrap();
    }
}

/// A worker process that writes to a log.
pub(crate) fn start(service: &Service, folder: &Path, log: &Path, more: &[&str]) -> Process {
    start_by(Command::new(WORKER), service, folder, log, more)
}

/// The same, with a command that starts the worker by the arguments given to it.
pub(crate) fn start_by(
    mut command: Command,
    service: &Service,
    folder: &Path,
    log: &Path,
    more: &[&str],
) -> Process {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let child = command
        .args(["--orchestrator", &format!("http://{}", service.address)])
        .arg("--data")
        .arg(folder)
        .arg("--checkpoints")
        .arg(folder.join("checkpoints"))
        .args(["--unchecked-data", "--devices", "cpu", "--threads", "1"])
        .args(more)
        .stdin(Stdio::null())
        .stderr(log)
        .spawn();
    Process(child.unwrap())
}

/// A process that is killed when it is dropped.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
