//! The messages of a call, on their way in and out: what they make the server hold is on the
//! account of the peer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::account::{Account, Allowance, Held, too_many};

/// What each call may have under way in each direction, on nobody's account.
const FREE: u32 = 4 << 10;

/// A message's prefix: a flag and its length (gRPC over HTTP/2, *Length-Prefixed-Message*).
const PREFIX: usize = 5;

/// The messages of a request. A large one is on the account from its prefix to its end: until then
/// it waits for the peer, who may never send the rest.
pub(crate) struct Incoming {
    inner: Body,
    account: Arc<Account>,
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    known: usize,
    /// Bytes of the message that are yet to come.
    left: usize,
    held: Option<Held>,
}

impl Incoming {
    pub(crate) fn new(inner: Body, account: Arc<Account>) -> Self {
        Self {
            inner,
            account,
            prefix: [0; PREFIX],
            known: 0,
            left: 0,
            held: None,
        }
    }

    /// Takes note of bytes that have come.
    fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Status> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let part = self.left.min(bytes.len());
                self.left -= part;
                bytes = &bytes[part..];
                continue;
            }
            let part = (PREFIX - self.known).min(bytes.len());
            self.prefix[self.known..][..part].copy_from_slice(&bytes[..part]);
            self.known += part;
            bytes = &bytes[part..];
            if self.known == PREFIX {
                self.known = 0;
                let [_, length @ ..] = self.prefix;
                self.begin(u32::from_be_bytes(length) as usize)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, length: usize) -> Result<(), Status> {
        self.left = length;
        self.held = None;
        if length > FREE as usize {
            self.held = Some(self.account.try_hold(length).ok_or_else(too_many)?);
        }
        Ok(())
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
            && let Err(status) = self.pass(bytes)
        {
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The messages of a response, each held until it has left; where there is no room, the call is not
/// asked for more.
pub(crate) struct Outgoing {
    inner: Body,
    /// `None` where nothing is counted.
    account: Option<Arc<Account>>,
    /// From the time on when the first bytes, which every call has, are over.
    allowance: Option<Arc<Allowance>>,
    /// Of those.
    first: u32,
    /// Held for all of it.
    page: Option<Held>,
    /// What there is no room for yet.
    waiting: Option<(Bytes, BoxFuture<'static, Option<Held>>)>,
}

impl Outgoing {
    /// `page` is what is held for all of it.
    pub(crate) fn new(inner: Body, account: Option<Arc<Account>>, page: Option<Held>) -> Self {
        Self {
            inner,
            account,
            allowance: None,
            first: FREE,
            page,
            waiting: None,
        }
    }

    /// The bytes, once there is room for them.
    fn hand_on(&mut self, bytes: Bytes) -> Option<Bytes> {
        if let Some(page) = self.page.take() {
            return Some(page.until_dropped(bytes));
        }
        let Some(account) = &self.account else {
            return Some(bytes);
        };
        let left = u32::try_from(bytes.len()).ok();
        if let Some(left) = left.and_then(|length| self.first.checked_sub(length)) {
            self.first = left;
            return Some(bytes);
        }
        self.first = 0;
        let allowance = self
            .allowance
            .get_or_insert_with(|| Arc::new(Allowance::new(FREE, account.clone())));
        if let Some(held) = allowance.try_hold(bytes.len()) {
            return Some(held.until_dropped(bytes));
        }
        let (allowance, length) = (allowance.clone(), bytes.len());
        let room = Box::pin(async move { allowance.hold(length).await });
        self.waiting = Some((bytes, room));
        None
    }

    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((_, room)) = &mut self.waiting else {
            return Poll::Ready(None);
        };
        let held = ready!(room.as_mut().poll(cx));
        let waiting = self.waiting.take();
        Poll::Ready(waiting.map(|(bytes, _)| match held {
            Some(held) => held.until_dropped(bytes),
            None => bytes,
        }))
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(bytes) = ready!(self.poll_waiting(cx)) {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(bytes) => {
                    if let Some(bytes) = self.hand_on(bytes) {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.waiting {
            Some(_) => SizeHint::default(),
            None => self.inner.size_hint(),
        }
    }
}
