//! Performs order effects: durable intent, submit, resolve, cancel, reconcile; and the paper gateway.
//!
//! An [`Executor`] does what the core asked for and returns what happened as [`ExecutionEvent`]s, which the run loop
//! feeds back to the core. Three promises hold whatever the venue, the network or the process does:
//!
//! - **An intent is durable before a byte of it is sent.** Only its stored bytes are ever sent, and a second time only
//!   when a listing taken late enough lacks the order.
//! - **A fill is booked once**, durable before anyone hears of it, and never invented. An order is finished only when
//!   every contract that the venue says it filled has been booked, so nothing is decided on a position that lags.
//! - **Absence proves nothing by itself.** An order of unknown outcome is given up only after complete listings, taken
//!   late enough, that lack it; nor is the stored body sent again before one did.
//!
//! [`paper::PaperGateway`] implements the same ports over books it is shown, so paper and live differ in nothing else.

mod account_books;
mod attribution;
mod booking;
mod canceling;
mod comparing;
mod event;
mod executor;
mod lifecycle;
pub mod paper;
mod pause;
mod polling;
mod reconciling;
mod replacing;
mod resending;
mod resolving;
mod settings;
mod tracker;

pub use account_books::AccountBooks;
pub use comparing::{Compared, Verdict};
pub use event::ExecutionEvent;
pub use executor::Executor;
pub use lifecycle::{IllegalStep, Life, Step, VenueWord, advance};
pub use pause::{NoPause, Pause, TimerPause};
pub use reconciling::Reconciliation;
pub use settings::ExecutionSettings;
