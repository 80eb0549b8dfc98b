//! Connections that can be reset: a client sees `ECONNRESET`, not an orderly end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The switch of one connection.
#[derive(Debug, Default)]
struct Switch {
    is_reset: AtomicBool,
    /// Whoever waits for the connection to become readable or writable.
    waiting: Mutex<[Option<Waker>; 2]>,
}

impl Switch {
    fn reset(&self) {
        self.is_reset.store(true, Ordering::SeqCst);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for waker in waiting.iter_mut().filter_map(Option::take) {
            waker.wake();
        }
    }

    /// An error once it is reset; otherwise whoever polls is woken by a reset.
    fn check(&self, direction: usize, context: &Context<'_>) -> io::Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = waiting.get_mut(direction) {
            match slot {
                Some(waker) if waker.will_wake(context.waker()) => {}
                _ => *slot = Some(context.waker().clone()),
            }
        }
        drop(waiting);
        // Read after the waker is left: a reset in between either is seen here or wakes it.
        if self.is_reset.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

const READ: usize = 0;
const WRITE: usize = 1;

/// All open connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Vec<Weak<Switch>>>>);

impl Connections {
    fn add(&self, switch: &Arc<Switch>) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Amortised: the list is cleaned when it would grow.
        if open.len() == open.capacity() {
            open.retain(|switch| switch.strong_count() > 0);
        }
        open.push(Arc::downgrade(switch));
    }

    /// Resets all but one; returns how many that were.
    pub(super) fn reset_all_but(&self, spared: Option<&Connection>) -> usize {
        let is_spared =
            |switch: &Weak<Switch>| spared.is_some_and(|spared| Weak::ptr_eq(&spared.switch, switch));
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, gone): (Vec<_>, Vec<_>) = open.drain(..).partition(is_spared);
        *open = kept;
        drop(open);
        let gone: Vec<Arc<Switch>> = gone.iter().filter_map(Weak::upgrade).collect();
        for switch in &gone {
            switch.reset();
        }
        gone.len()
    }
}

/// The connection of a request, found in its extensions as `ConnectInfo<Connection>`.
///
/// Holds the connection's switch weakly, so that a request that outlives it does not count as an open connection.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    switch: Weak<Switch>,
    peer: IpAddr,
}

impl Connection {
    /// Resets it: nothing more is read or written, and the other side sees a TCP reset.
    pub(super) fn reset(&self) {
        if let Some(switch) = self.switch.upgrade() {
            switch.reset();
        }
    }

    /// The other side's address.
    pub(super) const fn peer(&self) -> IpAddr {
        self.peer
    }
}

impl Connected<IncomingStream<'_, ResettableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, ResettableListener>) -> Self {
        Self {
            switch: Arc::downgrade(&stream.io().switch),
            peer: stream.remote_addr().ip(),
        }
    }
}

/// A listener whose connections can be reset.
#[derive(Debug)]
pub(super) struct ResettableListener {
    inner: TcpListener,
    connections: Connections,
}

impl ResettableListener {
    pub(super) const fn new(inner: TcpListener, connections: Connections) -> Self {
        Self { inner, connections }
    }
}

impl Listener for ResettableListener {
    type Io = ResettableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // Axum's own loop over errors of single connections and over exhausted descriptors.
        let (stream, address) = Listener::accept(&mut self.inner).await;
        // Without it small frames wait for acknowledgements.
        let _ = stream.set_nodelay(true);
        let switch = Arc::new(Switch::default());
        self.connections.add(&switch);
        (ResettableStream { stream, switch }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A TCP connection that can be reset.
#[derive(Debug)]
pub(super) struct ResettableStream {
    stream: TcpStream,
    switch: Arc<Switch>,
}

impl ResettableStream {
    fn check(&self, direction: usize, context: &Context<'_>) -> io::Result<()> {
        self.switch.check(direction, context).inspect_err(|_| {
            // A close that discards and resets; where the system refuses, the close is orderly.
            let _ = self.stream.set_zero_linger();
        })
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(READ, context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ResettableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(WRITE, context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(WRITE, context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(WRITE, context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would tell the other side that nothing is wrong.
        self.check(WRITE, context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
