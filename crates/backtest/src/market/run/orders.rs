//! Our orders on the stand-in exchange: how they arrive, and what the core hears of them.

use autotrader_domain::{
    ClientOrderId, Fill, Liquidity, NameError, OrderState, OrderUpdate, RejectReason, VenueOrderId,
};
use autotrader_engine::Event;
use autotrader_simulator::exchange::{FillRecord, NewOrder, OrderStatus, Refusal, SelfTradePrevention};
use chrono::{DateTime, Utc};

use super::Run;
use crate::market::BacktestError;

impl Run<'_> {
    pub(super) fn arrives(&mut self, id: &ClientOrderId, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let Some(way) = self.orders.get(id) else {
            return Ok(());
        };
        let intent = &way.order.intent;
        let order = NewOrder {
            ticker: intent.ticker.clone(),
            client_order_id: Some(id.to_string()),
            side: intent.side,
            count: intent.contracts,
            price: intent.limit,
            time_in_force: intent.time_in_force,
            post_only: intent.post_only,
            reduce_only: way.order.reduce_only,
            self_trade_prevention: SelfTradePrevention::TakerAtCross,
            cancel_on_pause: false,
            order_group_id: None,
        };
        self.result.orders += 1;
        match self.exchange.submit(self.us, order, at) {
            Ok(ack) => {
                if let Some(way) = self.orders.get_mut(id) {
                    way.venue = Some(ack.order_id);
                }
                self.collect(at)
            }
            Err(refusal) => {
                let Some(mut way) = self.orders.remove(id) else {
                    return Ok(());
                };
                self.result.refused += 1;
                way.order.state = OrderState::Rejected;
                way.order.reject_reason = Some(reason(&refusal));
                way.order.updated_at = at;
                let update = OrderUpdate {
                    order: way.order,
                    detail: refusal.to_string(),
                };
                self.now(at, Event::Order(update))
            }
        }
    }

    pub(super) fn cancelled(&mut self, id: &ClientOrderId, at: DateTime<Utc>) -> Result<(), BacktestError> {
        if let Some(venue) = self.orders.get(id).and_then(|way| way.venue) {
            // What was filled or gone before is found by what follows.
            let _ = self.exchange.cancel(self.us, venue, at);
        }
        self.collect(at)
    }

    /// Tells the core what became of its orders since it was last told.
    pub(super) fn collect(&mut self, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let fills: Vec<FillRecord> = self.exchange.fills(self.us).skip(self.fills).cloned().collect();
        self.fills += fills.len();
        for record in fills {
            let fill = self.fill(&record)?;
            self.result.trades += 1;
            self.result.contracts += fill.contracts.raw() / 100;
            self.result.fees = self.result.fees.saturating_add(fill.fee);
            self.now(at, Event::Fill(fill))?;
        }
        let mut news = Vec::new();
        for (id, way) in &mut self.orders {
            let Some(record) = way.venue.and_then(|venue| self.exchange.order(self.us, venue)) else {
                continue;
            };
            let resting = !record.remaining.is_zero() && record.status == OrderStatus::Resting;
            let state = match (resting, record.filled.is_zero()) {
                (true, true) => OrderState::Resting,
                (true, false) => OrderState::PartiallyFilled,
                (false, _) if record.filled == way.order.intent.contracts => OrderState::Filled,
                (false, _) => OrderState::Canceled,
            };
            if state != way.order.state || record.filled != way.order.filled {
                way.order.state = state;
                way.order.filled = record.filled;
                way.order.updated_at = at;
                way.order.venue_order_id = venue_id(&record.id.to_string()).ok();
                news.push((id.clone(), way.order.clone()));
            }
        }
        for (id, order) in news {
            if order.state.is_terminal() {
                self.orders.remove(&id);
            }
            let detail = order.state.as_str().to_owned();
            self.now(at, Event::Order(OrderUpdate { order, detail }))?;
        }
        Ok(())
    }

    fn fill(&self, record: &FillRecord) -> Result<Fill, BacktestError> {
        let client_order_id = record
            .client_order_id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: NameError| BacktestError::Market(error.to_string()))?;
        Ok(Fill {
            fill_id: record.trade_id.to_string(),
            venue_order_id: venue_id(&record.order_id.to_string())?,
            client_order_id,
            ticker: record.ticker.clone(),
            side: record.side,
            price: record.price,
            contracts: record.count,
            fee: record.fee,
            liquidity: if record.is_taker {
                Liquidity::Taker
            } else {
                Liquidity::Maker
            },
            filled_at: record.at,
        })
    }
}

fn venue_id(text: &str) -> Result<VenueOrderId, BacktestError> {
    text.parse()
        .map_err(|error: NameError| BacktestError::Market(error.to_string()))
}

const fn reason(refusal: &Refusal) -> RejectReason {
    match refusal {
        Refusal::MarketInactive => RejectReason::MarketInactive,
        Refusal::InsufficientBalance => RejectReason::InsufficientBalance,
        Refusal::InvalidPrice => RejectReason::InvalidPrice,
        Refusal::InvalidOrderSize => RejectReason::InvalidSize,
        Refusal::OrderAlreadyExists => RejectReason::DuplicateOrder,
        _ => RejectReason::InvalidOrder,
    }
}
