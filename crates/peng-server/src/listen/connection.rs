//! A connection, plain or encrypted.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};
use tonic::transport::server::Connected;
use tracing::debug;

use crate::{account::Account, metrics::Metrics, pace::Pace, peers::Slot};

/// Who is at the other end; every request has it among its extensions.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whom the address belongs to.
    pub(crate) host: IpAddr,
    /// Of all its connections.
    pub(crate) pace: Arc<Pace>,
    /// Of all its connections.
    pub(crate) account: Arc<Account>,
    /// Came by the listener for this process and its children.
    pub(crate) inner: bool,
}

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

/// A connection, plain or encrypted.
pub(crate) struct Connection {
    pub(super) io: Box<dyn Io>,
    pub(super) peer: Peer,
    pub(super) greeting: Option<Greeting>,
    pub(super) _open: Open,
}

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4). Until then the protocol has no
/// way to ask whether anyone is there, so it has to come in time.
pub(super) struct Greeting {
    /// Bytes of it that are yet to come.
    due: usize,
    until: Pin<Box<Sleep>>,
}

impl Greeting {
    const BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

    pub(super) fn within(time: Duration) -> Self {
        Self {
            due: Self::BYTES,
            until: Box::pin(sleep(time)),
        }
    }
}

/// Counts a connection for as long as it is open.
#[derive(Debug)]
pub(super) struct Open {
    metrics: Arc<Metrics>,
    _slot: Slot,
}

impl Open {
    pub(super) fn new(slot: Slot, metrics: Arc<Metrics>) -> Self {
        metrics.connections.inc();
        Self {
            metrics,
            _slot: slot,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.peer).finish()
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut *self.io).poll_read(cx, buf);
        let Some(greeting) = &mut self.greeting else {
            return read;
        };
        if read.is_pending() {
            ready!(greeting.until.as_mut().poll(cx));
            debug!(peer = %self.peer.address, "the client did not greet in time");
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        greeting.due = greeting.due.saturating_sub(buf.filled().len() - before);
        if greeting.due == 0 {
            self.greeting = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
