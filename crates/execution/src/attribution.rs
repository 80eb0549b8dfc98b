//! Whose fill it is: fills carry the venue's order id only.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::ports::VenueOrder;
use autotrader_domain::{ClientOrderId, Fill, VenueOrderId};
use tracing::warn;

use crate::tracker::Tracker;
use crate::{ExecutionEvent, Executor};

/// Whose order a fill belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribution {
    /// One of this database's orders.
    Ours(ClientOrderId),
    /// Anybody else's: counted as external.
    NotOurs,
    /// It may belong to an order of ours whose id at the venue is not known yet.
    NotYetKnown,
}

impl Executor {
    /// Finds out whose orders the fills are of, asking the venue about orders it has not named yet.
    pub(crate) async fn attribute(
        &self,
        fills: &[Fill],
        events: &mut Vec<ExecutionEvent>,
    ) -> BTreeMap<VenueOrderId, Attribution> {
        let mut known = BTreeMap::new();
        let mut unknown: BTreeSet<&VenueOrderId> = BTreeSet::new();
        {
            let tracker = self.tracker.lock().await;
            for fill in fills {
                let named = fill.client_order_id.as_ref().filter(|id| tracker.knows(id));
                match tracker.owner(&fill.venue_order_id).or(named) {
                    Some(owner) => {
                        known.insert(fill.venue_order_id.clone(), Attribution::Ours(owner.clone()));
                    }
                    None => {
                        unknown.insert(&fill.venue_order_id);
                    }
                }
            }
        }
        for venue in unknown {
            let answer = self.ports.account.order(venue).await;
            let tracker = self.tracker.lock().await;
            let attribution = match answer {
                Ok(order) => self.attribution_of(&tracker, &order, events),
                Err(error) => {
                    warn!(venue_order_id = %venue, %error, "fill_not_attributed");
                    let fill = fills.iter().find(|fill| fill.venue_order_id == *venue);
                    let may_be_ours = fill.is_some_and(|fill| may_be_ours(&tracker, fill));
                    // An order of ours that it may belong to counts as filled at worst already; otherwise it is
                    // counted as a stranger's at once.
                    if may_be_ours {
                        Attribution::NotYetKnown
                    } else {
                        Attribution::NotOurs
                    }
                }
            };
            known.insert(venue.clone(), attribution);
        }
        known
    }

    fn attribution_of(
        &self,
        tracker: &Tracker,
        order: &VenueOrder,
        events: &mut Vec<ExecutionEvent>,
    ) -> Attribution {
        match self.ours(tracker, order) {
            Ok(Some(id)) => Attribution::Ours(id),
            Ok(None) => Attribution::NotOurs,
            Err(foreign) => {
                events.push(ExecutionEvent::ForeignOrders { detail: foreign });
                Attribution::NotOurs
            }
        }
    }

    /// Which of our orders a venue order is; an order with our prefix that this database does not have is an error in
    /// words.
    pub(crate) fn ours(
        &self,
        tracker: &Tracker,
        order: &VenueOrder,
    ) -> Result<Option<ClientOrderId>, String> {
        if let Some(owner) = tracker.owner(&order.venue_order_id) {
            return Ok(Some(owner.clone()));
        }
        let Some(text) = order.client_order_id.as_deref() else {
            return Ok(None);
        };
        let known = text.parse::<ClientOrderId>().ok().filter(|id| tracker.knows(id));
        if let Some(other) = known.as_ref().and_then(|id| tracker.venue_id_of(id)) {
            return Err(format!(
                "{} on {} carries the id {text}, which is our order {other}: one of the two is doubled.",
                order.venue_order_id, order.ticker
            ));
        }
        if known.is_none() && text.starts_with(&self.settings.id_prefix) {
            return Err(format!(
                "{} on {} carries our prefix but is not in this database: {text}.",
                order.venue_order_id, order.ticker
            ));
        }
        Ok(known)
    }
}

/// Whether an order of ours on the fill's market and side has no id at the venue yet.
fn may_be_ours(tracker: &Tracker, fill: &Fill) -> bool {
    tracker.lives().any(|life| {
        let order = &life.order;
        order.venue_order_id.is_none()
            && !order.state.is_terminal()
            && order.intent.ticker == fill.ticker
            && order.intent.side == fill.side
    })
}
