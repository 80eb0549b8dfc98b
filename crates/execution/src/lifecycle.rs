//! The order state machine: pure, total, and the only place where an order changes.
//!
//! An order's `filled` is the sum of its *booked* fills, never the venue's claim. The claim is kept beside the order as
//! the venue's last word; an order that the venue has finished is not terminal here until every contract of that claim
//! is booked.

use autotrader_domain::{
    ClientOrderId, Contracts, Order, OrderRequest, OrderState, RejectReason, TimeInForce, VenueOrderId,
};
use chrono::{DateTime, Utc};

/// The venue's last word on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VenueWord {
    /// Contracts that it says were filled.
    pub filled: Contracts,
    /// Whether anything is left on its book; once false, always false.
    pub open: bool,
}

/// An order with what execution remembers about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The order as our books know it.
    pub order: Order,
    /// What was or will be sent.
    pub request: OrderRequest,
    /// The exact body of it, as stored; `None` for orders stored before bodies were.
    pub body: Option<String>,
    /// The venue's last word; `None` before it said anything.
    pub word: Option<VenueWord>,
    /// When it was sent, or may have been at the latest.
    pub sent_at: DateTime<Utc>,
    /// Whether a process before this one stored it: when that one sent it last is not known.
    pub restored: bool,
    /// How often its stored body was sent again.
    pub resends: u32,
    /// The listings that lacked it: how many, and the time of the last.
    pub absences: (u32, Option<DateTime<Utc>>),
}

impl Life {
    /// The life of an order that has just been decided.
    #[must_use]
    pub const fn new(order: Order, request: OrderRequest, body: Option<String>) -> Self {
        Self {
            sent_at: order.updated_at,
            order,
            request,
            body,
            word: None,
            restored: false,
            resends: 0,
            absences: (0, None),
        }
    }

    /// Contracts that the venue says were filled and that are not booked yet.
    #[must_use]
    pub fn outstanding(&self) -> Contracts {
        self.word.map_or(Contracts::ZERO, |word| {
            word.filled.saturating_sub(self.order.filled)
        })
    }

    /// Whether its outcome must be found out.
    #[must_use]
    pub const fn is_unresolved(&self) -> bool {
        matches!(
            self.order.state,
            OrderState::Intended | OrderState::Sent | OrderState::Unknown
        )
    }
}

/// One step in an order's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The request goes out.
    Send,
    /// The venue's id became known.
    Identify(VenueOrderId),
    /// The venue said how it stands.
    Report(VenueWord),
    /// A fill was booked.
    Fill(Contracts),
    /// The venue refused it.
    Refuse(RejectReason),
    /// Nobody knows whether it arrived.
    Lose,
    /// It certainly never arrived.
    GiveUp,
}

/// A step that the order's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {client_order_id} is {} with {filled} filled and cannot take the step {step:?}", state.as_str())]
pub struct IllegalStep {
    /// The order.
    pub client_order_id: ClientOrderId,
    /// Where it is.
    pub state: OrderState,
    /// What it has filled.
    pub filled: Contracts,
    /// What was asked of it.
    pub step: Step,
}

/// Takes one step.
///
/// Fills are accepted before the acknowledgement, after a cancel, and even after the order was given up; only an order
/// that is not known to have been sent must first be called lost. Other late news about a finished order changes
/// nothing.
///
/// # Errors
/// [`IllegalStep`] when the step contradicts what is known; the life is then unchanged.
pub fn advance(life: &Life, step: &Step, at: DateTime<Utc>) -> Result<Life, IllegalStep> {
    let illegal = || IllegalStep {
        client_order_id: life.order.client_order_id.clone(),
        state: life.order.state,
        filled: life.order.filled,
        step: step.clone(),
    };
    let mut next = life.clone();
    match step {
        Step::Send => {
            next.order.state = OrderState::Sent;
            next.sent_at = at;
        }
        Step::Identify(venue_order_id) => match &life.order.venue_order_id {
            Some(known) if known != venue_order_id => return Err(illegal()),
            _ => next.order.venue_order_id = Some(venue_order_id.clone()),
        },
        Step::Report(word) => {
            next.word = Some(merged(life.word, *word));
            settle(&mut next, at);
        }
        Step::Fill(contracts) => {
            if life.order.state == OrderState::Intended {
                return Err(illegal());
            }
            next.order.filled = life.order.filled.checked_add(*contracts).ok_or_else(illegal)?;
            settle(&mut next, at);
        }
        Step::Refuse(reason) => {
            next.order.state = OrderState::Rejected;
            next.order.reject_reason = Some(*reason);
        }
        Step::Lose => {
            if !life.order.state.is_terminal() {
                next.order.state = OrderState::Unknown;
            }
        }
        Step::GiveUp => next.order.state = OrderState::Abandoned,
    }
    let contradicts_fills = matches!(step, Step::Refuse(_) | Step::GiveUp) && !life.order.filled.is_zero();
    let stands = next.order.state == life.order.state || life.order.state.may_become(next.order.state);
    let repeats =
        matches!(step, Step::Send | Step::Refuse(_) | Step::GiveUp) && next.order.state == life.order.state;
    if contradicts_fills || !stands || repeats {
        return Err(illegal());
    }
    if next.order != life.order {
        next.order.updated_at = at;
    }
    Ok(next)
}

/// A read can lag behind: what was over stays over, and filled contracts do not come back from a read that is still open.
fn merged(known: Option<VenueWord>, heard: VenueWord) -> VenueWord {
    match known {
        Some(known) if !known.open && heard.open => known,
        Some(known) if known.open && heard.open => VenueWord {
            filled: known.filled.max(heard.filled),
            open: true,
        },
        _ => heard,
    }
}

/// Derives the state from the booked fills and the venue's last word.
fn settle(life: &mut Life, at: DateTime<Utc>) {
    let order = &mut life.order;
    if order.state.is_terminal() {
        return;
    }
    let whole = order.filled >= order.intent.contracts;
    // A whole order has nothing left to be unknown; short of that, only the venue can say what became of the rest.
    order.state = match life.word {
        _ if whole => OrderState::Filled,
        None => order.state,
        Some(word) if word.open && order.filled.is_zero() => OrderState::Resting,
        Some(word) if word.open => OrderState::PartiallyFilled,
        // Over at the venue, but not finished here before its fills are booked.
        Some(word) if word.filled > order.filled => order.state,
        Some(_) if has_expired(order.intent.time_in_force, at) => OrderState::Expired,
        Some(_) => OrderState::Canceled,
    };
}

fn has_expired(time_in_force: TimeInForce, at: DateTime<Utc>) -> bool {
    matches!(time_in_force, TimeInForce::GoodTillCanceled { expires_at: Some(expiry) } if expiry <= at)
}
