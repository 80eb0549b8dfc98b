//! A strategy that wants what the story says, and signals that say nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use autotrader_domain::ports::{SignalSource, Strategy};
use autotrader_domain::{
    AcceptedBoard, Approvals, BoardHash, BoardStanding, Claim, Evaluation, Intent, Mapping, MappingState,
    Market, MarketStatus, MarketView, Money, Observation, OrderState, ParsePath, Portfolio, Purpose, Reading,
    Ticker, TimeInForce, Vintage,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::scene::{Contract, EVENT, INSTEAD, Lives, SERIES, Scene, Wish, cents, whole};
use crate::shared_clock::start;

/// How many orders each contract has had, as its generations say.
pub type Told = Arc<Mutex<BTreeMap<Ticker, u64>>>;

/// A board that is never out of date: these stories are not about it.
pub struct NoSignals(BoardStanding);

impl NoSignals {
    pub fn new() -> Self {
        let far_ahead = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
        let accepted = AcceptedBoard {
            board: Arc::default(),
            hash: BoardHash([1; 32]),
            vintage: Vintage(far_ahead),
            path: ParsePath::Flight,
            accepted_at: start(),
        };
        Self(BoardStanding {
            accepted: Some(Arc::new(accepted)),
            feed_at: Some(far_ahead),
            ..BoardStanding::default()
        })
    }
}

impl SignalSource for NoSignals {
    fn observe(&mut self, _: &Reading) -> Observation {
        Observation::default()
    }

    fn standing(&self) -> &BoardStanding {
        &self.0
    }

    fn restore(&mut self, _: AcceptedBoard, _: Vec<(String, String)>) {}

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::Value::Null)
    }

    fn resume(&mut self, _: &serde_json::Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

pub struct Script {
    pub scene: &'static Scene,
    pub told: Told,
}

impl Script {
    /// What comes next on a contract; nothing when its story is over.
    fn next(&self, contract: &Contract, portfolio: &Portfolio) -> Option<Wish> {
        let told = self.told.lock().unwrap().get(&contract.ticker()).copied();
        let index = usize::try_from(told.unwrap_or(0)).unwrap();
        let wish = contract.wishes.get(index).copied()?;
        let flat = portfolio.position(&contract.ticker()).net.is_flat();
        // With nothing to close the story goes on by buying one, so that the n-th order stays the n-th.
        Some(if flat && wish.purpose == Purpose::Exit {
            INSTEAD
        } else {
            wish
        })
    }

    /// Whether every contract's story is over: told, or ended by its market, which does not wait for us.
    pub fn is_told(&self, portfolio: &Portfolio, markets: &BTreeMap<Ticker, Market>) -> bool {
        let over = |contract: &Contract| {
            let held = !portfolio.position(&contract.ticker()).net.is_flat();
            let is_open = markets
                .get(&contract.ticker())
                .is_some_and(|market| market.status == MarketStatus::Active);
            let told = self.next(contract, portfolio).is_none() || !is_open;
            told && !(held && contract.settles_after.is_some())
        };
        portfolio.open_orders.is_empty() && self.scene.contracts.iter().all(over)
    }

    fn intent(&self, contract: &Contract, wish: Wish, view: &MarketView<'_>) -> Option<Intent> {
        let ticker = contract.ticker();
        let market = view.markets.get(&ticker)?;
        let net = view.portfolio.position(&ticker).net;
        let contracts = match wish.purpose {
            Purpose::Entry => whole(wish.contracts),
            _ => net.size(),
        };
        let time_in_force = match wish.lives {
            Lives::Taking => TimeInForce::ImmediateOrCancel,
            Lives::WholeOrNothing => TimeInForce::FillOrKill,
            Lives::Resting => TimeInForce::GoodTillCanceled { expires_at: None },
            Lives::RestingFor(seconds) => TimeInForce::GoodTillCanceled {
                expires_at: Some(view.at + TimeDelta::seconds(seconds)),
            },
        };
        Some(Intent {
            claim: claim(&ticker),
            ticker,
            event: EVENT.parse().unwrap(),
            series: SERIES.parse().unwrap(),
            side: wish.side,
            contracts,
            limit: cents(wish.cents),
            time_in_force,
            purpose: wish.purpose,
            fees: market.fees,
            check_time: market.close_time,
            strategy: "script".to_owned(),
            rationale: "the story says so".to_owned(),
            edge: Money::ZERO,
            post_only: false,
        })
    }
}

impl Strategy for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn map(&self, market: &Market, _: &BoardStanding, _: &Approvals) -> Mapping {
        Mapping {
            ticker: market.ticker.clone(),
            state: MappingState::Exact,
            claim: Some(claim(&market.ticker)),
            rule_set: Some("cascade".to_owned()),
            check_time: Some(market.close_time),
            reasons: Vec::new(),
            suggestions: Vec::new(),
        }
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for contract in self.scene.contracts {
            let ticker = contract.ticker();
            let mut open = view.portfolio.orders_on(&ticker).peekable();
            if open.peek().is_none() {
                let wish = self.next(contract, view.portfolio);
                evaluation
                    .intents
                    .extend(wish.and_then(|wish| self.intent(contract, wish, view)));
                continue;
            }
            for order in open {
                let index = usize::try_from(order.generation.0).unwrap() - 1;
                let after = contract.wishes.get(index).and_then(|wish| wish.cancel_after);
                let ripe = after.is_some_and(|after| is_ripe(order.created_at, after, view.at));
                if ripe && matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled) {
                    evaluation.cancels.push(order.client_order_id.clone());
                }
            }
        }
        evaluation
    }
}

fn is_ripe(created_at: DateTime<Utc>, after: i64, at: DateTime<Utc>) -> bool {
    at - created_at >= TimeDelta::seconds(after)
}

fn claim(ticker: &Ticker) -> Claim {
    Claim::Model {
        model_name: ticker.as_str().to_owned(),
        organization: Some("Lab".to_owned()),
    }
}
