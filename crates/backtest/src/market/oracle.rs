//! The planted oracle: it knows who wins. What it does not earn, nothing can; a market in which it loses is broken.

use std::collections::BTreeMap;

use autotrader_domain::ports::Strategy;
use autotrader_domain::{
    Approvals, BoardStanding, BookSide, Contracts, Evaluation, Intent, Mapping, Market, MarketStatus,
    MarketView, Money, Outcome, Price, Purpose, Ticker, TimeInForce,
};
use chrono::{DateTime, Utc};

/// The most that it holds of one contract.
const MOST: Contracts = Contracts::whole(20);

/// The highest price that it pays for an outcome that will pay a dollar: fees must fit in what is left.
const DEAREST_CENTS: i64 = 95;

/// Who wins at each check.
pub type Winners = BTreeMap<DateTime<Utc>, Outcome>;

/// Buys what will pay, and nothing else.
pub struct Oracle {
    inner: Box<dyn Strategy>,
    winners: Winners,
}

impl std::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oracle")
            .field("inner", &self.inner.name())
            .field("winners", &self.winners)
            .finish()
    }
}

impl Oracle {
    /// An oracle that reads contracts as another strategy does.
    #[must_use]
    pub fn new(inner: Box<dyn Strategy>, winners: Winners) -> Self {
        Self { inner, winners }
    }

    fn intent(&self, view: &MarketView<'_>, ticker: &Ticker, mapping: &Mapping) -> Option<Intent> {
        let market = view.markets.get(ticker)?;
        let check_time = mapping.check_time?;
        let claim = mapping.claim.clone().filter(|_| mapping.state.may_enter())?;
        let outcome = self.winners.get(&check_time)?;
        if market.status != MarketStatus::Active || market.close_time <= view.at {
            return None;
        }
        let side = if claim.pays(outcome) {
            BookSide::Bid
        } else {
            BookSide::Ask
        };
        let best = view.books.get(ticker)?.against(side).next()?;
        let cost = match side {
            BookSide::Bid => best.price,
            BookSide::Ask => best.price.complement(),
        };
        let held = view.portfolio.position(ticker).net;
        let busy = view.portfolio.orders_on(ticker).next().is_some();
        if busy || Price::from_cents(DEAREST_CENTS).is_none_or(|dearest| cost > dearest) {
            return None;
        }
        let contracts = MOST.saturating_sub(held.size()).min(best.size).floor_whole();
        if contracts.is_zero() {
            return None;
        }
        Some(Intent {
            ticker: ticker.clone(),
            event: market.event.clone(),
            series: market.series.clone(),
            claim,
            side,
            contracts,
            limit: best.price,
            time_in_force: TimeInForce::ImmediateOrCancel,
            purpose: Purpose::Entry,
            fees: market.fees,
            check_time,
            post_only: false,
            edge: cost.complement().times(contracts).unwrap_or(Money::ZERO),
            strategy: self.inner.name().to_owned(),
            rationale: "it is known to pay".to_owned(),
        })
    }
}

impl Strategy for Oracle {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn map(&self, market: &Market, standing: &BoardStanding, approvals: &Approvals) -> Mapping {
        self.inner.map(market, standing, approvals)
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        let mut intents: Vec<Intent> = view
            .mappings
            .iter()
            .filter_map(|(ticker, mapping)| self.intent(view, ticker, mapping))
            .collect();
        intents.sort_by_key(|intent| std::cmp::Reverse(intent.edge));
        Evaluation {
            intents,
            ..Evaluation::default()
        }
    }
}
