//! The executor: one order effect in, what happened out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use autotrader_domain::ports::{
    AccountSource, Answered, Clock, OrderGateway, OrderStore, PlaceOutcome, Restored,
};
use autotrader_domain::{
    ClientOrderId, Money, Order, OrderGroupId, OrderRequest, OrderState, RejectReason, TimeInForce,
};
use autotrader_risk::Approved;
use chrono::{DateTime, Utc};
use tracing::{debug, warn};

use crate::booking::Why;
use crate::tracker::{Tracker, UnsavedStep};
use crate::{ExecutionEvent, ExecutionSettings, Life, Pause, Step, VenueWord, advance};

/// Performs order effects against a venue, live or paper, and keeps the order state machine true to it.
///
/// All methods take `&self` and may run concurrently for different orders; what one of them learns about an order is
/// stored and remembered in one step. None of them is cancellation-safe unless it says so: a dropped call leaves its
/// order to be resolved, as a crash would.
#[derive(Debug)]
pub struct Executor {
    pub(crate) ports: Ports,
    pub(crate) settings: ExecutionSettings,
    pub(crate) tracker: tokio::sync::Mutex<Tracker>,
    in_flight: Mutex<Submissions>,
    /// Until when nothing is placed.
    pub(crate) silent_until: Mutex<Option<DateTime<Utc>>>,
    resting_group: OnceLock<OrderGroupId>,
}

/// Orders that are being submitted now, and how many ever were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Submissions {
    under_way: BTreeSet<ClientOrderId>,
    begun: u64,
}

impl Submissions {
    pub(crate) fn busy(&self) -> bool {
        !self.under_way.is_empty()
    }
}

/// The executor's view of the outside.
pub(crate) struct Ports {
    pub(crate) gateway: Arc<dyn OrderGateway>,
    pub(crate) account: Arc<dyn AccountSource>,
    pub(crate) store: Arc<dyn OrderStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pause: Arc<dyn Pause>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// Marks an order as being submitted for as long as it lives, so that nobody resolves it meanwhile.
pub(crate) struct InFlight<'a> {
    set: &'a Mutex<Submissions>,
    id: ClientOrderId,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.set
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .under_way
            .remove(&self.id);
    }
}

impl Executor {
    /// An executor that remembers nothing: for a database without orders.
    #[must_use]
    pub fn new(
        gateway: Arc<dyn OrderGateway>,
        account: Arc<dyn AccountSource>,
        store: Arc<dyn OrderStore>,
        clock: Arc<dyn Clock>,
        pause: Arc<dyn Pause>,
        settings: ExecutionSettings,
    ) -> Self {
        let tracker = Tracker::new(clock.now());
        Self {
            ports: Ports {
                gateway,
                account,
                store,
                clock,
                pause,
            },
            settings,
            tracker: tokio::sync::Mutex::new(tracker),
            in_flight: Mutex::default(),
            silent_until: Mutex::default(),
            resting_group: OnceLock::new(),
        }
    }

    /// The same executor for an account that holds this much cash and no positions.
    #[must_use]
    pub fn opened_with(mut self, cash: Money) -> Self {
        self.tracker.get_mut().books.cash = Some(cash);
        self
    }

    /// Learns at the very first start what cash the account holds now: what was booked on the way stays booked.
    ///
    /// Cancellation-safe.
    pub async fn open_with(&self, cash: Money) {
        self.tracker.lock().await.books.cash = Some(cash);
    }

    /// Remembers what the database does, in place of everything remembered so far: call once, before anything else.
    ///
    /// Returns a step for every order whose fills were stored when the process ended but not yet counted into it, and a
    /// mismatch for every open order whose stored request is missing.
    ///
    /// Not cancellation-safe: a dropped call must be repeated.
    pub async fn restore(&self, restored: &Restored) -> Vec<ExecutionEvent> {
        let (tracker, without_request) = match Tracker::restored(restored, self.ports.clock.now()) {
            Ok(remembered) => remembered,
            Err(error) => {
                return vec![ExecutionEvent::Mismatch {
                    detail: format!("What is stored cannot be booked: {error}."),
                }];
            }
        };
        *self.tracker.lock().await = tracker;
        let mut events: Vec<ExecutionEvent> = without_request
            .into_iter()
            .map(|id| ExecutionEvent::Mismatch {
                detail: format!("Order {id} is stored without its request and cannot be resolved."),
            })
            .collect();
        self.count_stored_fills(&restored.fills, &mut events).await;
        events
    }

    /// Submits one approved order, at most once, and returns every step it took and every fill it got.
    ///
    /// The intent is durable before a byte is sent; when that fails nothing is sent, and the approval is given back as
    /// [`ExecutionEvent::Unsent`] before [`ExecutionEvent::StoreFailed`] says why. The row that marks it as sent is written while the request is under way: after a
    /// crash, a stored intent counts as possibly sent.
    ///
    /// Not cancellation-safe: a dropped call leaves the order to [`Executor::resolve`].
    pub async fn place(&self, approved: Approved<Order>, exchange_index: i32) -> Vec<ExecutionEvent> {
        self.place_order(approved.into_inner(), exchange_index).await
    }

    /// As [`Executor::place`], with the approval used up already.
    pub(crate) async fn place_order(&self, order: Order, exchange_index: i32) -> Vec<ExecutionEvent> {
        let request = self.request_of(&order, exchange_index);
        let body = self.ports.gateway.render(&request);
        let mut events = Vec::new();
        if order.state != OrderState::Intended {
            return vec![ExecutionEvent::Mismatch {
                detail: format!(
                    "Order {} is {} and was not sent.",
                    order.client_order_id,
                    order.state.as_str()
                ),
            }];
        }
        let Some(_in_flight) = self.submit(&order) else {
            return vec![ExecutionEvent::Mismatch {
                detail: format!("Order {} is already being submitted.", order.client_order_id),
            }];
        };
        if let Some(until) = self.silence() {
            let detail = format!("The whole account was cancelled: nothing is placed before {until}.");
            return vec![unsent(&order, detail)];
        }
        {
            // What the store still owes to earlier orders would make it refuse this one.
            let mut tracker = self.tracker.lock().await;
            self.save_all(&mut tracker, &mut events).await;
        }
        if let Err(error) = self.ports.store.commit_intent(&order, &request, &body).await {
            warn!(client_order_id = %order.client_order_id, %error, "intent_not_durable");
            let detail = format!(
                "The intent of {} was not stored and not sent: {error}.",
                order.client_order_id
            );
            events.push(unsent(&order, detail.clone()));
            events.push(ExecutionEvent::StoreFailed { detail });
            return events;
        }
        let id = order.client_order_id.clone();
        let outcome = self
            .send(Life::new(order, request, Some(body)), &mut events)
            .await;
        debug!(client_order_id = %id, ?outcome, "order_submitted");
        self.conclude(&id, outcome, &mut events).await;
        events
    }

    /// Marks an order as being submitted; `None` when it already is.
    fn submit(&self, order: &Order) -> Option<InFlight<'_>> {
        self.begin(&order.client_order_id)
    }

    /// Marks an order as being submitted, by its id; `None` when it already is.
    pub(crate) fn begin(&self, id: &ClientOrderId) -> Option<InFlight<'_>> {
        let id = id.clone();
        {
            let mut submissions = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            submissions.begun += 1;
            if !submissions.under_way.insert(id.clone()) {
                return None;
            }
        }
        // Made only now: dropping one ends a submission.
        Some(InFlight {
            set: &self.in_flight,
            id,
        })
    }

    /// The orders being submitted now.
    pub(crate) fn in_flight(&self) -> BTreeSet<ClientOrderId> {
        self.submissions().under_way
    }

    /// The submissions under way, to be compared with those of another moment.
    pub(crate) fn submissions(&self) -> Submissions {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Until when nothing is placed; `None` when orders may be placed now.
    fn silence(&self) -> Option<DateTime<Utc>> {
        let now = self.ports.clock.now();
        let until = *self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| now < *until)
    }

    /// Sends the request while its row is marked as sent.
    async fn send(&self, intended: Life, events: &mut Vec<ExecutionEvent>) -> Answered<PlaceOutcome> {
        let at = self.ports.clock.now();
        let sent = match advance(&intended, &Step::Send, at) {
            Ok(sent) => sent,
            Err(illegal) => {
                events.push(ExecutionEvent::Mismatch {
                    detail: format!("{illegal}."),
                });
                self.tracker.lock().await.insert(intended);
                return Answered::unheard(PlaceOutcome::NotSent {
                    detail: "The order was not in a state to be sent.".to_owned(),
                });
            }
        };
        self.tracker.lock().await.insert(sent.clone());
        events.push(order_event(&sent, "Sent."));
        let (marked, outcome) = tokio::join! {
            biased;
            self.ports.store.update_order(&sent.order, "Sent.", None),
            self.ports.gateway.place(&sent.request, sent.body.as_deref().unwrap_or_default()),
        };
        if let Err(error) = marked {
            events.push(ExecutionEvent::StoreFailed {
                detail: format!(
                    "Order {} was not marked as sent: {error}.",
                    sent.order.client_order_id
                ),
            });
            // Stored before any later step of it, once the store works again.
            let mut tracker = self.tracker.lock().await;
            tracker
                .unsaved(&sent.order.client_order_id)
                .push_front(UnsavedStep::of(&sent.order, Why::from("Sent.")));
        }
        outcome
    }

    /// Takes the steps that the outcome of a submission means.
    async fn conclude(
        &self,
        id: &ClientOrderId,
        answered: Answered<PlaceOutcome>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let Answered { outcome, answer } = answered;
        let answer = answer.as_deref();
        match outcome {
            PlaceOutcome::NotSent { detail } => {
                let detail = format!("Not sent: {detail}");
                self.step(id, Step::GiveUp, Why::answered(&detail, answer), events)
                    .await;
            }
            PlaceOutcome::Rejected {
                reason: RejectReason::DuplicateOrder,
                detail,
            } => {
                // The venue knows our id already: an earlier submission of this very order arrived.
                let detail = format!("The venue has this id already: {detail}");
                self.step(id, Step::Lose, Why::answered(&detail, answer), events)
                    .await;
                self.look_up(std::slice::from_ref(id), events).await;
            }
            PlaceOutcome::Rejected { reason, detail } => {
                events.extend(access_refused("an order", reason, &detail));
                let detail = format!("{reason} {detail}");
                self.step(id, Step::Refuse(reason), Why::answered(&detail, answer), events)
                    .await;
            }
            PlaceOutcome::Unknown { detail } => {
                let detail = format!("Outcome unknown: {detail}");
                self.step(id, Step::Lose, Why::answered(&detail, answer), events)
                    .await;
            }
            PlaceOutcome::Accepted {
                venue_order_id,
                filled,
                remaining,
            } => {
                let word = VenueWord {
                    filled,
                    open: !remaining.is_zero(),
                };
                let detail = format!("Accepted as {venue_order_id}: {filled} filled, {remaining} open.");
                let why = Why::answered(&detail, answer);
                self.hear(id, Some(venue_order_id), word, why, events).await;
                self.await_fills(id, events).await;
            }
        }
    }
}

/// The shard of the group that resting orders belong to: a group does not reach across shards.
const GROUP_SHARD: i32 = 0;

impl Executor {
    /// From now on, orders that rest on the first shard belong to this group; the first group told stays.
    ///
    /// Orders already sent keep what they were sent with: a resend repeats its stored body.
    pub fn rest_in(&self, group: OrderGroupId) {
        // A second group of one process would only loosen the limit of the first.
        let _told = self.resting_group.set(group);
    }

    /// What is sent for an order.
    fn request_of(&self, order: &Order, exchange_index: i32) -> OrderRequest {
        let rests = matches!(order.intent.time_in_force, TimeInForce::GoodTillCanceled { .. });
        let group = self
            .resting_group
            .get()
            .filter(|_| rests && exchange_index == GROUP_SHARD);
        OrderRequest {
            order_group: group.cloned(),
            ..OrderRequest::of(order, exchange_index)
        }
    }
}

/// An approval that came to nothing.
pub(crate) fn unsent(order: &Order, detail: String) -> ExecutionEvent {
    ExecutionEvent::Unsent {
        client_order_id: order.client_order_id.clone(),
        detail,
    }
}

/// The event of a refusal that concerns our key rather than the order.
pub(crate) fn access_refused(what: &str, reason: RejectReason, detail: &str) -> Option<ExecutionEvent> {
    matches!(reason, RejectReason::Unauthorized | RejectReason::Forbidden).then(|| {
        ExecutionEvent::AccessRefused {
            detail: format!("The venue refused {what}: {detail}"),
        }
    })
}

pub(crate) fn order_event(life: &Life, detail: &str) -> ExecutionEvent {
    ExecutionEvent::Order(autotrader_domain::OrderUpdate {
        order: life.order.clone(),
        detail: detail.to_owned(),
    })
}
