//! A server and the network before it.

use std::{fs, net::SocketAddr, time::Duration};

use tempfile::TempDir;

use super::{
    proxy::{Proxy, To},
    wire::Wire,
};
use crate::harness::Process;

/// A server process on a folder, and the network between it and the test.
pub(crate) struct Site {
    // Ends before the folder and the network do.
    server: Process,
    port: u16,
    network: Network,
    _folder: TempDir,
}

enum Network {
    Proxy(Proxy),
    Wire(Wire),
}

/// The arguments of a server that finds a silent peer within two seconds.
fn arguments<'a>(listen: &'a str, folder: &'a TempDir) -> [&'a str; 8] {
    [
        "serve",
        "--listen",
        listen,
        "--data",
        folder.path().to_str().unwrap(),
        "--set",
        "limits.silence_seconds=1",
        "--insecure-listen-without-tls-and-authentication",
    ]
}

/// The port that a server says it listens on.
fn port(server: &mut Process) -> u16 {
    let line = server.wait_for("listening");
    line.trim().rsplit(':').next().unwrap().parse().unwrap()
}

impl Site {
    pub(crate) async fn behind_a_proxy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Process::start("peng4nn", &arguments("127.0.0.1:0", &folder));
        let port = port(&mut server);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            server,
            port,
            network: Network::Proxy(Proxy::start(To::Tcp(address)).await),
            _folder: folder,
        }
    }

    /// `None` where this machine has no such network; the proxy is then all there is.
    pub(crate) fn behind_a_wire() -> Option<Self> {
        let Some(wire) = Wire::lay() else {
            eprintln!("this process may not make network namespaces: tested over a proxy only");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("{}:0", wire.address());
        let mut server = wire.start(&Process::binary("peng4nn"), &arguments(&listen, &folder));
        Some(Self {
            port: port(&mut server),
            server,
            network: Network::Wire(wire),
            _folder: folder,
        })
    }

    pub(crate) fn endpoint(&self) -> String {
        match &self.network {
            Network::Proxy(proxy) => format!("http://{}", proxy.address()),
            Network::Wire(wire) => format!("http://{}:{}", wire.address(), self.port),
        }
    }

    pub(crate) fn cut(&self) {
        match &self.network {
            Network::Proxy(proxy) => proxy.cut(),
            Network::Wire(wire) => wire.cut(),
        }
    }

    pub(crate) fn mend(&self) {
        match &self.network {
            Network::Proxy(proxy) => proxy.mend(),
            Network::Wire(wire) => wire.mend(),
        }
    }

    /// As after a router has forgotten the connections.
    pub(crate) fn mend_for_new_ones(&self) {
        match &self.network {
            Network::Proxy(proxy) => proxy.mend_for_new_ones(),
            Network::Wire(wire) => wire.mend(),
        }
    }

    pub(crate) fn slow_down(&self) {
        match &self.network {
            Network::Proxy(proxy) => proxy.slow_down(512, Duration::from_millis(10)),
            Network::Wire(wire) => wire.slow_down(),
        }
    }

    pub(crate) fn mend_slowly(&self) {
        match &self.network {
            Network::Proxy(proxy) => proxy.mend(),
            Network::Wire(wire) => wire.slow_down(),
        }
    }

    /// The connections that the server's system has as established.
    pub(crate) fn connections_of_server(&self) -> usize {
        const ESTABLISHED: &str = "01";
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.server.id())).unwrap();
        let port = format!(":{:04X}", self.port);
        let is_ours = |line: &&str| {
            let columns: Vec<_> = line.split_whitespace().collect();
            columns[1].ends_with(&port) && columns[3] == ESTABLISHED
        };
        table.lines().skip(1).filter(is_ours).count()
    }

    pub(crate) fn stop(mut self) {
        self.mend();
        assert_eq!(self.server.signal("TERM"), Some(0));
    }
}
