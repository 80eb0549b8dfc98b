//! Entries that rest: when they are looked at, which cancels are sent, and what their end means for the contract.
//!
//! The strategy says what becomes of each; here it is held against the limit of orders per minute. A
//! replacement is never sent along with a cancel: it follows from an evaluation after the terminal record, when position and
//! orders say what is left to want.

use std::collections::BTreeMap;

use autotrader_domain::{
    Book, ClientOrderId, ExecutionMode, Intent, Order, OrderState, Reason, Refusal, RejectReason, Ticker,
    TimeInForce,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::Effect;

/// How long a cancel may take before it is asked for again: execution itself reads for about a second what became of it.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Why a cancel was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    /// The order is not wanted.
    ToWithdraw,
    /// Another shall take its place.
    ToRefresh,
}

/// What is remembered of entries that rest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Resting {
    /// Cancels that were asked for, and when last.
    asked: BTreeMap<ClientOrderId, (DateTime<Utc>, Asked)>,
    /// Contracts on which no entry rests again before a time.
    quiet: BTreeMap<Ticker, DateTime<Utc>>,
}

/// Whether an order may stay on the book, unlike one that takes at once or is gone.
const fn may_rest(time_in_force: TimeInForce) -> bool {
    matches!(time_in_force, TimeInForce::GoodTillCanceled { .. })
}

/// Whether an order is on the book, as far as is known.
fn is_on_the_book(order: &Order) -> bool {
    may_rest(order.intent.time_in_force)
        && matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled)
}

impl Engine {
    /// Whether time alone may call for a decision: orders on the book must go at a time, whatever the books do.
    pub(super) fn anything_rests(&self) -> bool {
        self.account
            .portfolio
            .open_orders
            .values()
            .any(|order| may_rest(order.intent.time_in_force))
    }

    /// What the others quote: a streamed or polled book has our own orders on it.
    ///
    /// On paper nothing of ours is on the exchange's books.
    pub(super) fn without_own(&self, book: &Book) -> Book {
        let book = book.clone();
        if self.settings.scope.mode == ExecutionMode::Paper {
            return book;
        }
        let (ticker, received_at) = (book.ticker.clone(), book.received_at);
        self.account
            .portfolio
            .orders_on(&ticker)
            // A book from before the order is not on it.
            .filter(|order| is_on_the_book(order) && order.updated_at <= received_at)
            .map(|order| (order.intent.side, order.intent.limit, order.open_contracts()))
            .fold(book, |book, (side, limit, open)| book.without(side, limit, open))
    }

    /// Sends the cancels that the strategy calls for, each once for as long as it may take.
    pub(super) fn withdraw(
        &mut self,
        at: DateTime<Utc>,
        cancels: Vec<ClientOrderId>,
        refreshes: Vec<ClientOrderId>,
        effects: &mut Vec<Effect>,
    ) {
        for id in cancels {
            self.ask(at, id, Asked::ToWithdraw, effects);
        }
        for id in refreshes {
            let waiting = self
                .resting
                .asked
                .values()
                .filter(|(_, why)| *why == Asked::ToRefresh)
                .count();
            // An order that could not be replaced within the limit stays: it is better than none.
            if self.risk.orders_left(at) > waiting {
                self.ask(at, id, Asked::ToRefresh, effects);
            }
        }
    }

    fn ask(&mut self, at: DateTime<Utc>, id: ClientOrderId, why: Asked, effects: &mut Vec<Effect>) {
        if let Some((last, known)) = self.resting.asked.get_mut(&id) {
            if why == Asked::ToWithdraw {
                *known = why;
            }
            if at - *last < ASK_AGAIN {
                return;
            }
            *last = at;
        } else {
            self.resting.asked.insert(id.clone(), (at, why));
        }
        effects.push(Effect::Cancel(id));
    }

    /// What the end of an order means for what may be done next on its contract.
    pub(super) fn note_end(&mut self, at: DateTime<Utc>, order: &Order) {
        if !order.state.is_terminal() {
            return;
        }
        let asked = self.resting.asked.remove(&order.client_order_id);
        let until = at + self.settings.cooldown;
        let ticker = || order.intent.ticker.clone();
        let rejected = order.state == OrderState::Rejected;
        if may_rest(order.intent.time_in_force) {
            let refreshed = matches!(asked, Some((_, Asked::ToRefresh)));
            let gone = matches!(order.state, OrderState::Canceled | OrderState::Abandoned);
            // Withdrawn, or removed by the exchange for reasons of its own: the next one waits, so that a guard or a group
            // on the edge does not make orders come and go.
            if rejected || (gone && !refreshed) {
                self.resting.quiet.insert(ticker(), until);
            }
            if rejected && order.reject_reason != Some(RejectReason::PostOnlyCross) {
                self.cool(order, until);
            }
            return;
        }
        let came_to_nothing =
            matches!(order.state, OrderState::Canceled | OrderState::Abandoned) && order.filled.is_zero();
        if rejected || came_to_nothing {
            self.cool(order, until);
        }
    }

    fn cool(&mut self, order: &Order, until: DateTime<Utc>) {
        let ticker = &order.intent.ticker;
        self.cooling.insert(ticker.clone(), until);
        if order.intent.purpose.reduces() {
            self.cooling_exits.insert(ticker.clone(), until);
        }
    }

    /// Refuses an entry that would rest where one was withdrawn moments ago.
    pub(super) fn quiet_refusal(&self, at: DateTime<Utc>, intent: &Intent) -> Result<(), Refusal> {
        let quiet = self
            .resting
            .quiet
            .get(&intent.ticker)
            .is_some_and(|until| at < *until);
        if quiet && may_rest(intent.time_in_force) {
            return Err(Refusal::new(
                Reason::CoolingDown,
                "An entry that rested here ended moments ago.",
            ));
        }
        Ok(())
    }
}
