//! A real network of two: a server in a namespace of its own, behind a pair of virtual Ethernet
//! devices whose packets can be swallowed or slowed down.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::harness::Process;

/// A namespace and the way to it.
#[derive(Debug)]
pub(crate) struct Wire {
    name: String,
    device: String,
    address: String,
}

/// Runs `program` with its arguments in one text.
fn runs(program: &str, arguments: &str) -> bool {
    let run = Command::new(program)
        .args(arguments.split_whitespace())
        .output();
    run.is_ok_and(|run| run.status.success())
}

impl Wire {
    /// `None` where this process may not make one.
    pub(crate) fn lay() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = format!("peng4nn-{process}-{number}");
        let device = format!("p4n{process}x{number}");
        // A part of the addresses that RFC 2544 keeps for tests.
        let network = format!("198.18.{}.{}", process % 256, number % 64 * 4);
        let (subnet, last) = network.rsplit_once('.')?;
        let last: u32 = last.parse().ok()?;
        let (near, far) = (
            format!("{subnet}.{}", last + 1),
            format!("{subnet}.{}", last + 2),
        );
        if !runs("ip", &format!("netns add {name}")) {
            return None;
        }
        // From here on it is taken away again in whatever way this ends.
        let wire = Self {
            name,
            device,
            address: far,
        };
        let (name, device, far) = (&wire.name, &wire.device, &wire.address);
        let laid = [
            format!("link add {device} type veth peer name far netns {name}"),
            format!("addr add {near}/30 dev {device}"),
            format!("link set {device} up"),
            format!("-n {name} addr add {far}/30 dev far"),
            format!("-n {name} link set far up"),
            format!("-n {name} link set lo up"),
        ]
        .iter()
        .all(|step| runs("ip", step));
        // Both ways of swallowing packets must be there.
        let swallows = laid && wire.queue("blackhole") && wire.queue(SLOW) && wire.queue("pfifo");
        swallows.then_some(wire)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Starts a program at the far end.
    pub(crate) fn start(&self, program: &Path, arguments: &[&str]) -> Process {
        let program = program.to_str().unwrap();
        let all = [&["netns", "exec", &self.name, program], arguments].concat();
        Process::start_program(Path::new("ip"), &all)
    }

    /// What packets wait in, at both ends.
    fn queue(&self, kind: &str) -> bool {
        let (name, device) = (&self.name, &self.device);
        runs("tc", &format!("qdisc replace dev {device} root {kind}"))
            && runs(
                "tc",
                &format!("-n {name} qdisc replace dev far root {kind}"),
            )
    }

    pub(crate) fn cut(&self) {
        assert!(self.queue("blackhole"));
    }

    pub(crate) fn mend(&self) {
        assert!(self.queue("pfifo"));
    }

    pub(crate) fn slow_down(&self) {
        assert!(self.queue(SLOW));
    }
}

/// 1 Mbit/s, and packets that would wait for longer than 100 ms are lost.
const SLOW: &str = "tbf rate 1mbit burst 4kb latency 100ms";

impl Drop for Wire {
    fn drop(&mut self) {
        // The devices go with the namespace.
        runs("ip", &format!("netns del {}", self.name));
    }
}
