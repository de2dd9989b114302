//! The server's process, where it runs on the same Linux.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinHandle, time::interval};

/// The kernel's word for a socket that listens.
const LISTENS: &str = "0A";

/// The process that listens on a local port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(u32);

impl Process {
    /// Whose socket listens on this port, if that can be seen from here.
    pub(super) fn listening(port: u16) -> Option<Self> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
        let inode = tables
            .iter()
            .flatten()
            .find_map(|table| inode(table, port))?;
        let socket = format!("socket:[{inode}]");
        let processes = fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find(|pid| holds(*pid, &socket))
            .map(Self)
    }

    /// Bytes of memory that it has now.
    pub(super) fn memory(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

/// The inode of the socket that listens on a port.
fn inode(table: &str, port: u16) -> Option<u64> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&port) && *fields.get(3)? == LISTENS;
        listens.then(|| fields.get(9)?.parse().ok())?
    })
}

fn holds(pid: u32, socket: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    files
        .into_iter()
        .flatten()
        .flatten()
        .any(|file| fs::read_link(file.path()).is_ok_and(|target| target == Path::new(socket)))
}

/// Watches the memory of a process every second.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Arc<Mutex<Vec<u64>>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins.
    pub(super) fn start(process: Process) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                let mut seconds = interval(Duration::from_secs(1));
                loop {
                    seconds.tick().await;
                    let Some(memory) = process.memory() else {
                        return;
                    };
                    seen.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(memory);
                }
            }
        });
        Self { seen, task }
    }

    /// The mean bytes in the first and in the last tenth of the time, and the most.
    pub(super) fn end(self) -> Option<[u64; 3]> {
        self.task.abort();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let tenth = seen.len().div_ceil(10);
        let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
        let most = seen.iter().max()?;
        Some([
            mean(&seen[..tenth]),
            mean(&seen[seen.len() - tenth..]),
            *most,
        ])
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listening_process_is_found_by_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let process = Process::listening(port).unwrap();
        assert_eq!(process.0, std::process::id());
        assert!(process.memory().unwrap() > 1 << 20);
        drop(listener);
        assert!(Process::listening(port).is_none());
    }
}
