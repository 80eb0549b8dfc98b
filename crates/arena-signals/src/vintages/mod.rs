//! The vintage rules: which of the boards that the page shows is the one to act on.
//!
//! The page flaps between versions, models vanish for hours under an unchanged stamp, and families are renamed. A
//! [`VintageKeeper`] reads one [`Reading`](autotrader_domain::Reading) after another and keeps the *accepted* board
//! and at most one *challenge* to it. It is pure: what it says depends on the readings alone.
//!
//! | reading shows | becomes |
//! |---|---|
//! | the accepted entries | a fresher feed; the challenge is withdrawn; a newer stamp is taken over |
//! | a strictly newer stamp | accepted at once, unless a hold applies |
//! | a newer stamp with a hold | accepted when confirmed: readings of distinct origin, some time apart |
//! | the accepted stamp, other entries | accepted when confirmed |
//! | an older stamp | a challenge; accepted as a rollback when it persists |
//! | rounded scores where the accepted ones are exact, or no stamp | a challenge that is never accepted |
//! | a page not tradable, or no page | nothing but an alert |
//!
//! Signals come once per acceptance: a board that is shown again, or shown without being accepted, brings none.

mod feed;
mod holds;
mod keeper;
mod settings;
mod sightings;

pub use keeper::VintageKeeper;
pub use settings::{HoldSettings, VintageSettings};
