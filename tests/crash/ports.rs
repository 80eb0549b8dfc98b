//! The ports, with a named step before and after every call.
//!
//! A port that gets a new method does not compile here until the method has its steps.

use std::sync::Arc;

use async_trait::async_trait;
use autotrader_domain::ports::{
    AccountSnapshot, AccountSource, Answered, CancelAccountOutcome, CancelOutcome, FeedError, Ledger,
    OrderGateway, OrderStore, PlaceOutcome, Restored, StoreError, VenueOrder,
};
use autotrader_domain::{Fill, Money, Order, OrderRequest, Record, SettlementRecord, Ticker, VenueOrderId};
use chrono::{DateTime, Utc};

use crate::probe::{About, Probe};

/// Every call that has steps: none may be missing from what was seen.
pub const CALLS: [&str; 13] = [
    "commit_intent",
    "update_order",
    "record_fill",
    "record_settlement",
    "record",
    "restore",
    "set_opening_cash",
    "place",
    "cancel",
    "snapshot",
    "fills",
    "settlements",
    "order",
];

/// A port whose every call is announced.
#[derive(Debug)]
pub struct Announced<P> {
    pub inner: Arc<P>,
    pub probe: Arc<Probe>,
}

impl<P> Announced<P> {
    pub fn new(inner: Arc<P>, probe: &Arc<Probe>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            probe: Arc::clone(probe),
        })
    }

    async fn around<T>(&self, call: &str, about: About<'_>, work: impl Future<Output = T>) -> T {
        self.probe.step(call, "before", about);
        let done = work.await;
        self.probe.step(call, "after", about);
        done
    }

    /// A call whose effect survives the loss of power once it has returned.
    async fn durably<T>(
        &self,
        call: &str,
        about: About<'_>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.probe.step(call, "before", about);
        let done = work.await;
        if done.is_ok() {
            self.probe.durable();
        }
        self.probe.step(call, "after", about);
        done
    }
}

#[async_trait]
impl<P: OrderStore> OrderStore for Announced<P> {
    async fn commit_intent(
        &self,
        order: &Order,
        request: &OrderRequest,
        body: &str,
    ) -> Result<(), StoreError> {
        self.probe.note(order);
        let about = About::Order(&order.client_order_id);
        let work = self.inner.commit_intent(order, request, body);
        self.durably("commit_intent", about, work).await
    }

    async fn update_order(
        &self,
        order: &Order,
        detail: &str,
        answer: Option<&str>,
    ) -> Result<(), StoreError> {
        self.probe.note(order);
        let about = About::Order(&order.client_order_id);
        let work = self.inner.update_order(order, detail, answer);
        self.durably("update_order", about, work).await
    }

    async fn record_fill(&self, fill: &Fill) -> Result<bool, StoreError> {
        let about = match &fill.client_order_id {
            Some(id) => About::Order(id),
            None => About::Venue(&fill.venue_order_id),
        };
        self.durably("record_fill", about, self.inner.record_fill(fill))
            .await
    }

    async fn record_settlement(&self, settlement: &SettlementRecord) -> Result<bool, StoreError> {
        let work = self.inner.record_settlement(settlement);
        self.durably("record_settlement", About::Account, work).await
    }
}

#[async_trait]
impl<P: Ledger> Ledger for Announced<P> {
    async fn record(&self, records: Vec<Record>) -> Result<(), StoreError> {
        // Of these only restrictions and payouts promise to survive the loss of power.
        let lasts = |record: &Record| matches!(record, Record::RiskCause { .. } | Record::Settlement(_));
        let work = self.inner.record(records.clone());
        if records.iter().any(lasts) {
            self.durably("record", About::Account, work).await
        } else {
            self.around("record", About::Account, work).await
        }
    }

    async fn restore(&self) -> Result<Restored, StoreError> {
        self.around("restore", About::Account, self.inner.restore()).await
    }

    async fn set_opening_cash(&self, cash: Money) -> Result<(), StoreError> {
        let work = self.inner.set_opening_cash(cash);
        self.durably("set_opening_cash", About::Account, work).await
    }
}

#[async_trait]
impl<P: OrderGateway> OrderGateway for Announced<P> {
    /// Writes nothing and sends nothing: no step.
    fn render(&self, request: &OrderRequest) -> String {
        self.inner.render(request)
    }

    async fn place(&self, request: &OrderRequest, body: &str) -> Answered<PlaceOutcome> {
        let about = About::Order(&request.client_order_id);
        self.around("place", about, self.inner.place(request, body)).await
    }

    async fn cancel(&self, ticker: &Ticker, venue_order_id: &VenueOrderId) -> Answered<CancelOutcome> {
        let about = About::Venue(venue_order_id);
        self.around("cancel", about, self.inner.cancel(ticker, venue_order_id))
            .await
    }

    async fn cancel_account(&self) -> Answered<CancelAccountOutcome> {
        let work = self.inner.cancel_account();
        self.around("cancel_account", About::Account, work).await
    }
}

#[async_trait]
impl<P: AccountSource> AccountSource for Announced<P> {
    async fn snapshot(&self, since: DateTime<Utc>) -> Result<AccountSnapshot, FeedError> {
        self.around("snapshot", About::Account, self.inner.snapshot(since))
            .await
    }

    async fn fills(&self, since: DateTime<Utc>) -> Result<Vec<Fill>, FeedError> {
        self.around("fills", About::Account, self.inner.fills(since))
            .await
    }

    async fn settlements(&self, since: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError> {
        self.around("settlements", About::Account, self.inner.settlements(since))
            .await
    }

    async fn order(&self, venue_order_id: &VenueOrderId) -> Result<VenueOrder, FeedError> {
        let about = About::Venue(venue_order_id);
        self.around("order", about, self.inner.order(venue_order_id))
            .await
    }
}
