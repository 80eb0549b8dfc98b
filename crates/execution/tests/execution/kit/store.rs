use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use autotrader_domain::ports::{OrderStore, Restored, StoreError, StoredRequest};
use autotrader_domain::{ClientOrderId, Fill, Money, Order, OrderRequest, SettlementRecord, Ticker};

/// A database in memory with the rules of the real one, and switches that break it.
#[derive(Debug, Default)]
pub struct Store(Mutex<Rows>);

#[derive(Debug, Default)]
pub struct Rows {
    pub orders: BTreeMap<ClientOrderId, (Order, StoredRequest)>,
    pub generations: BTreeMap<Ticker, u64>,
    pub fills: Vec<Fill>,
    pub settlements: Vec<SettlementRecord>,
    pub history: Vec<String>,
    /// Raw answers stored with steps.
    pub answers: Vec<String>,
    pub opening_cash: Option<Money>,
    /// How many of the next calls fail.
    pub failing_commits: u32,
    pub failing_updates: u32,
    pub failing_fills: u32,
    pub failing_settlements: u32,
    /// Whether a fill whose storing fails is stored all the same.
    pub stored_all_the_same: bool,
    /// The next commit is durable, then the process dies.
    pub hangs_after_commit: bool,
}

fn fails(left: &mut u32) -> Result<(), StoreError> {
    if *left == 0 {
        return Ok(());
    }
    *left -= 1;
    Err(StoreError::NotDurable("disk full".into()))
}

impl Store {
    pub fn with<T>(&self, f: impl FnOnce(&mut Rows) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    pub fn restored(&self) -> Restored {
        self.with(|rows| Restored {
            open_orders: rows
                .orders
                .values()
                .filter(|(order, _)| !order.state.is_terminal())
                .map(|(order, _)| order.clone())
                .collect(),
            requests: rows.orders.values().map(|(_, request)| request.clone()).collect(),
            fills: rows.fills.clone(),
            settlements: rows.settlements.clone(),
            generations: rows.generations.clone().into_iter().collect(),
            venue_ids: rows
                .orders
                .values()
                .filter_map(|(order, _)| Some((order.venue_order_id.clone()?, order.client_order_id.clone())))
                .collect(),
            opening_cash: rows.opening_cash,
            ..Restored::default()
        })
    }
}

#[async_trait]
impl OrderStore for Store {
    async fn commit_intent(
        &self,
        order: &Order,
        request: &OrderRequest,
        body: &str,
    ) -> Result<(), StoreError> {
        let hangs = self.with(|rows| {
            fails(&mut rows.failing_commits)?;
            let ticker = order.intent.ticker.clone();
            let unfinished = rows
                .orders
                .values()
                .any(|(known, _)| known.intent.ticker == ticker && !known.state.is_terminal());
            let last = rows.generations.entry(ticker).or_default();
            if order.generation.0 != *last + 1 || unfinished {
                return Err(StoreError::Conflict("not the next order of its contract".into()));
            }
            *last += 1;
            let stored = StoredRequest {
                request: request.clone(),
                body: Some(body.to_owned()),
            };
            let row = (order.clone(), stored);
            rows.orders.insert(order.client_order_id.clone(), row);
            Ok(std::mem::take(&mut rows.hangs_after_commit))
        })?;
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn update_order(
        &self,
        order: &Order,
        detail: &str,
        answer: Option<&str>,
    ) -> Result<(), StoreError> {
        self.with(|rows| {
            fails(&mut rows.failing_updates)?;
            let Some((known, _)) = rows.orders.get_mut(&order.client_order_id) else {
                return Err(StoreError::Conflict("no such order".into()));
            };
            if known.state != order.state && !known.state.may_become(order.state) {
                return Err(StoreError::Conflict(format!(
                    "{:?} -> {:?}",
                    known.state, order.state
                )));
            }
            *known = order.clone();
            rows.history.push(format!("{} {detail}", order.state.as_str()));
            rows.answers.extend(answer.map(str::to_owned));
            Ok(())
        })
    }

    async fn record_fill(&self, fill: &Fill) -> Result<bool, StoreError> {
        self.with(|rows| {
            let failed = fails(&mut rows.failing_fills);
            let fresh = rows.fills.iter().all(|known| known.fill_id != fill.fill_id);
            if fresh && (failed.is_ok() || rows.stored_all_the_same) {
                rows.fills.push(fill.clone());
            }
            failed.map(|()| fresh)
        })
    }

    async fn record_settlement(&self, settlement: &SettlementRecord) -> Result<bool, StoreError> {
        self.with(|rows| {
            fails(&mut rows.failing_settlements)?;
            let fresh = !rows.settlements.contains(settlement);
            if fresh {
                rows.settlements.push(settlement.clone());
            }
            Ok(fresh)
        })
    }
}
