//! From an address to connections: accepted, counted, encrypted.

mod connection;
mod tls;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub(crate) use connection::{Connection, Peer};
pub(crate) use tls::Certificates;
pub use tls::{Error as TlsError, Tls};

use crate::{account::Accounts, known, metrics::Metrics, pace::Paces, peers::Peers};
use connection::{Greeting, Open};

/// After the system refuses a connection, for example because no file is left.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections that wait to be served.
const READY: usize = 128;

/// A socket that connections come by.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// `None` is plain.
    certificates: Option<Arc<Certificates>>,
    inner: bool,
}

impl Listener {
    /// Listens at `address`.
    pub(crate) async fn bind(
        address: SocketAddr,
        certificates: Option<Arc<Certificates>>,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            certificates,
            inner: false,
        })
    }

    /// Listens at a free port of loopback for this process and those that it starts:
    /// plain, and without a token.
    pub(crate) async fn bind_inner() -> io::Result<Self> {
        let mut listener = Self::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await?;
        listener.inner = true;
        Ok(listener)
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What all listeners share.
#[derive(Debug, Clone)]
pub(crate) struct Hall {
    pub(crate) peers: Arc<Peers>,
    pub(crate) paces: Arc<Paces>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long a client may take to encrypt its connection, and then to begin.
    pub(crate) silence: Duration,
}

/// The connections of all listeners, until `leaving`.
pub(crate) fn connections(
    listeners: Vec<Listener>,
    hall: &Hall,
    leaving: &CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(READY);
    for listener in listeners {
        let accepting = accept(listener, hall.clone(), ready.clone());
        let leaving = leaving.clone();
        tokio::spawn(async move { leaving.run_until_cancelled(accepting).await });
    }
    ReceiverStream::new(connections)
}

async fn accept(listener: Listener, hall: Hall, ready: mpsc::Sender<io::Result<Connection>>) {
    loop {
        let (socket, address) = match listener.socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept a connection"
                );
                sleep(PAUSE).await;
                continue;
            }
        };
        let host = known::peer(address.ip());
        let slot = match hall.peers.enter(host) {
            Ok(slot) => slot,
            Err(full) => {
                warn!(peer = %address, limit = ?full, "too many connections; this one is closed");
                continue;
            }
        };
        let open = Open::new(slot, hall.metrics.clone());
        let peer = Peer {
            address,
            host,
            pace: hall.paces.of(host),
            account: hall.accounts.of(host),
            inner: listener.inner,
        };
        let certificates = listener.certificates.clone();
        let ready = ready.clone();
        let silence = hall.silence;
        tokio::spawn(async move {
            if let Some(connection) = secure(socket, peer, open, certificates, silence).await {
                // It fails when the server leaves.
                drop(ready.send(Ok(connection)).await);
            }
        });
    }
}

/// Makes a connection of a socket; `None` if the client cannot encrypt it.
async fn secure(
    socket: TcpStream,
    peer: Peer,
    open: Open,
    certificates: Option<Arc<Certificates>>,
    silence: Duration,
) -> Option<Connection> {
    // Small answers leave at once instead of waiting for an acknowledgement.
    if let Err(error) = socket.set_nodelay(true) {
        debug!(peer = %peer.address, error = &error as &dyn std::error::Error, "gone at once");
        return None;
    }
    let io: Box<dyn connection::Io> = match certificates {
        None => Box::new(socket),
        Some(certificates) => {
            let handshake = certificates.acceptor().accept(socket);
            match timeout(silence, handshake).await {
                Ok(Ok(encrypted)) => Box::new(encrypted),
                Ok(Err(error)) => {
                    warn!(
                        target: "peng_server::audit",
                        peer = %peer.address,
                        error = &error as &dyn std::error::Error,
                        "denied: the connection cannot be encrypted"
                    );
                    return None;
                }
                Err(_) => {
                    debug!(peer = %peer.address, "the client did not encrypt the connection in time");
                    return None;
                }
            }
        }
    };
    Some(Connection {
        io,
        peer,
        greeting: Some(Greeting::within(silence)),
        _open: open,
    })
}
