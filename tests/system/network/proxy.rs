//! A network in the test's own hands: a proxy that swallows what it is told to.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// Where a connection leads.
#[derive(Debug, Clone)]
pub(crate) enum To {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What is done with the bytes.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// None gets through, in either direction, and both ends stay connected.
    cut: bool,
    /// Connections older than this one are cut for good.
    lost: u32,
    /// At most so many bytes at a time, and a pause after them.
    slow: Option<(usize, Duration)>,
}

/// Listens on a port of loopback and passes on what comes, unless it is cut.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    made: watch::Receiver<u32>,
    _listening: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(to: To) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, ways) = watch::channel(Way {
            cut: false,
            lost: 0,
            slow: None,
        });
        let (making, made) = watch::channel(0);
        let listening = async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                making.send_modify(|made| *made += 1);
                tokio::spawn(connect(socket, to.clone(), *making.borrow(), ways.clone()));
            }
        };
        Self {
            address,
            way,
            made,
            _listening: AbortOnDropHandle::new(tokio::spawn(listening)),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| way.cut = true);
    }

    pub(crate) fn mend(&self) {
        self.way.send_modify(|way| way.cut = false);
    }

    /// Mended for connections to come; those that there are never hear of each other again.
    pub(crate) fn mend_for_new_ones(&self) {
        let made = *self.made.borrow();
        self.way
            .send_modify(|way| (way.lost, way.cut) = (made, false));
    }

    pub(crate) fn slow_down(&self, bytes: usize, pause: Duration) {
        self.way.send_modify(|way| way.slow = Some((bytes, pause)));
    }
}

async fn connect(socket: TcpStream, to: To, number: u32, mut ways: watch::Receiver<Way>) {
    if ways.wait_for(|way| !way.cut).await.is_err() {
        return;
    }
    socket.set_nodelay(true).unwrap();
    let (near_in, near_out) = socket.into_split();
    match to {
        To::Tcp(address) => {
            let Ok(far) = TcpStream::connect(address).await else {
                return;
            };
            far.set_nodelay(true).unwrap();
            let (far_in, far_out) = far.into_split();
            tokio::join!(
                pass(near_in, far_out, number, ways.clone()),
                pass(far_in, near_out, number, ways)
            );
        }
        To::Unix(path) => {
            let Ok(far) = UnixStream::connect(path).await else {
                return;
            };
            let (far_in, far_out) = far.into_split();
            tokio::join!(
                pass(near_in, far_out, number, ways.clone()),
                pass(far_in, near_out, number, ways)
            );
        }
    }
}

/// Passes bytes on in one direction, until one end is gone and the other may know.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: u32,
    mut ways: watch::Receiver<Way>,
) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let most = ways.borrow().slow.map_or(bytes.len(), |(most, _)| most);
        let read = from.read(&mut bytes[..most]).await;
        // What arrives while the network is cut waits, the end of a connection too.
        let open = ways.wait_for(|way| !way.cut && way.lost < number).await;
        let Ok(way) = open.map(|way| *way) else {
            return;
        };
        let Ok(read @ 1..) = read else {
            drop(to.shutdown().await);
            return;
        };
        if let Some((_, pause)) = way.slow {
            sleep(pause).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
