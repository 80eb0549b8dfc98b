//! Paper trading: the order ports over books that are shown, with an account that can run out of money.
//!
//! The same interface and life cycle as a venue, and pessimistic throughout:
//!
//! - A taker does not fill when it is placed. It is accepted as resting and fills against the *worse*, contract by
//!   contract, of the book at the decision and the first book received after decision plus latency; an
//!   immediate-or-cancel remainder is cancelled then.
//! - A maker fills only when trades, or the opposite side of the book, go *through* its level, not when they touch it.
//! - Depth that was taken is gone until the level's size changes or a trade is seen there.
//! - Fees are the series' exact fees, collateral is reserved, and the bankroll depletes.
//! - A market whose book is unknown fills nothing.
//! - What was missed, and levels that were only touched, widen a band around the account's profit ([`PaperBand`]): they
//!   count where they would have lost in the pessimistic reading, and where they would have won in the optimistic one.
//!
//! Ids are functions of our own ids, so the same inputs give the same fills.

mod band;
mod depth;
mod desk;
mod filling;
mod gateway;
mod shadow;
mod ticket;

pub use desk::{PaperFigures, PaperSettings};
pub use gateway::PaperGateway;
pub use shadow::PaperBand;
