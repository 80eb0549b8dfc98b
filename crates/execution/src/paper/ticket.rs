//! One paper order.

use autotrader_domain::ports::VenueOrder;
use autotrader_domain::{
    ClientOrderId, Contracts, FeeAccumulator, Level, Money, OrderRequest, OrderState, TimeInForce,
    VenueOrderId,
};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::filling::total_of;

/// The levels that an order met on the book of its decision, best first, within its limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Decided {
    /// What was left of them after earlier paper orders.
    pub(super) available: Vec<Level>,
    /// What the book showed; another account may find depth again that paper holds to be taken.
    pub(super) shown: Vec<Level>,
}

impl Decided {
    /// Contracts shown.
    pub(super) fn shows(&self) -> Contracts {
        total_of(self.shown.iter().map(|level| level.size))
    }
}

/// Where a paper order is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the first book received after its latency.
    Arriving {
        /// When it reaches the market.
        due: DateTime<Utc>,
        /// The time of the book it was decided on; that book cannot be the later one.
        decided_at: DateTime<Utc>,
        /// What it met then.
        decided: Decided,
    },
    /// On the book.
    Resting,
    /// Finished: all filled, cancelled or expired.
    Done,
}

/// One paper order and how far it got.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) request: OrderRequest,
    pub(super) venue_order_id: VenueOrderId,
    pub(super) phase: Phase,
    pub(super) filled: Contracts,
    pub(super) fills: u32,
    /// Contracts beyond the filled ones that a real order might have got.
    pub(super) hoped: Contracts,
    pub(super) rounding: FeeAccumulator,
    /// The most collateral it may need, fee included.
    pub(super) reserved: Money,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) changed_at: DateTime<Utc>,
}

impl Ticket {
    pub(super) const fn open_contracts(&self) -> Contracts {
        match self.phase {
            Phase::Done => Contracts::ZERO,
            Phase::Arriving { .. } | Phase::Resting => self.request.contracts.saturating_sub(self.filled),
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Done)
    }

    pub(super) fn finish(&mut self, at: DateTime<Utc>) {
        self.phase = Phase::Done;
        self.reserved = Money::ZERO;
        self.changed_at = at;
    }

    pub(super) fn has_expired(&self, at: DateTime<Utc>) -> bool {
        matches!(
            self.request.time_in_force,
            TimeInForce::GoodTillCanceled { expires_at: Some(expiry) } if expiry <= at
        )
    }

    /// Whether a book received at `at` is the first after decision and latency.
    pub(super) fn arrives_with(&self, at: DateTime<Utc>) -> bool {
        matches!(self.phase, Phase::Arriving { due, decided_at, .. } if at >= due && at > decided_at)
    }

    /// What the venue says of it.
    pub(super) fn as_venue_order(&self) -> VenueOrder {
        let state = match self.phase {
            Phase::Arriving { .. } | Phase::Resting => OrderState::Resting,
            Phase::Done if self.filled >= self.request.contracts => OrderState::Filled,
            Phase::Done => OrderState::Canceled,
        };
        VenueOrder {
            venue_order_id: self.venue_order_id.clone(),
            client_order_id: Some(self.request.client_order_id.as_str().to_owned()),
            ticker: self.request.ticker.clone(),
            state,
            filled: self.filled,
            remaining: self.open_contracts(),
        }
    }
}

/// When an order that is decided now reaches the market.
pub(super) fn due(at: DateTime<Utc>, latency: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(latency).unwrap_or(at)
}

/// The paper venue's id of an order: a function of our id alone.
pub(super) fn venue_id(id: &ClientOrderId) -> Option<VenueOrderId> {
    let digest = Sha256::digest(id.as_str().as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("paper-{hex}").parse().ok()
}
