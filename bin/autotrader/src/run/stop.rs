//! Being asked to stop: heard from the first moment on, remembered until somebody looks.

use std::fmt;
use std::pin::Pin;

/// The wish to stop, by signal.
pub(crate) struct Stop {
    signal: Pin<Box<dyn Future<Output = &'static str> + Send>>,
    asked: Option<&'static str>,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Stop {
    /// Listens for signals from now on: one that comes before anybody waits is not lost, and does not end the process.
    /// Needs a runtime.
    pub(crate) fn listening() -> Self {
        Self {
            signal: Box::pin(signal()),
            asked: None,
        }
    }

    /// Completes when the process is asked to stop, with the name of the signal; at once when it was asked before.
    /// Cancellation-safe.
    pub(crate) async fn asked(&mut self) -> &'static str {
        if let Some(name) = self.asked {
            return name;
        }
        let name = self.signal.as_mut().await;
        self.asked = Some(name);
        name
    }
}

#[cfg(unix)]
fn signal() -> impl Future<Output = &'static str> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
                _ = terminate.recv() => "terminate",
                _ = interrupt.recv() => "interrupt",
            },
            // Without handlers the signals end the process by themselves.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
fn signal() -> impl Future<Output = &'static str> + Send {
    async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "interrupt",
            Err(_) => std::future::pending().await,
        }
    }
}
