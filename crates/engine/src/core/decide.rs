//! Deciding: when to evaluate, what of the strategy's wishes risk lets pass, and what is told of the rest.

use std::collections::BTreeMap;

use autotrader_domain::{
    Action, BookSide, Contracts, Evaluation, FeeRounding, Generation, Intent, Level, Liquidity, MarketView,
    Money, Order, OrderState, Purpose, Reason, Record, Refusal, RiskView, Ticker, Wanted, Why,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::Engine;
use crate::{Effect, mint_id};

/// What is sent first when room or tokens are scarce: what reduces, then entries by what they are expected to earn.
///
/// Two contracts of equal edge go by their tickers, so that equal states give equal orders.
fn sending_order(a: &Intent, b: &Intent) -> std::cmp::Ordering {
    let enters = |intent: &Intent| intent.purpose == Purpose::Entry;
    enters(a)
        .cmp(&enters(b))
        .then_with(|| b.edge.cmp(&a.edge))
        .then_with(|| a.ticker.cmp(&b.ticker))
}

/// An intent that was not passed.
struct Refused {
    refusal: Refusal,
    /// What would have been entered; `None` for what would have reduced, and for what nobody offered.
    wanted: Option<Wanted>,
}

impl Engine {
    /// Whether time alone makes an evaluation due.
    pub(super) fn is_due(&self, at: DateTime<Utc>) -> bool {
        let due = self
            .evaluated_at
            .is_none_or(|last| at - last >= self.settings.evaluation_interval);
        let hourly = self
            .evaluated_at
            .is_none_or(|last| at - last >= TimeDelta::hours(1));
        ((self.dirty || self.anything_rests()) && due) || hourly
    }

    pub(super) fn evaluate(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        self.dirty = false;
        self.evaluated_at = Some(at);
        if let Some(figures) = self.account.figures(at) {
            for (cause, detail) in self.risk.assess(&figures) {
                self.announce_cause(at, cause, &detail, effects);
            }
        }
        self.record_equity(effects);
        let equity = self.account.equity();
        let Evaluation {
            mut intents,
            cancels,
            refreshes,
            why,
            forecasts,
            coherence,
        } = self.strategy.evaluate(&MarketView {
            at,
            standing: self.signals.standing(),
            history: &self.history,
            markets: &self.markets,
            mappings: &self.mappings,
            books: &self.books,
            portfolio: &self.account.portfolio,
            exchange: self.exchange,
        });
        self.withdraw(at, cancels, refreshes, effects);
        intents.sort_by(sending_order);
        let mut refusals = BTreeMap::new();
        let mut places = Vec::new();
        for intent in intents {
            let asked = intent.clone();
            match self.approve(at, intent, equity) {
                Ok(effect) => places.push(effect),
                Err(refusal) => {
                    let wanted = self.forgone(&asked);
                    refusals.insert(asked.ticker, Refused { refusal, wanted });
                }
            }
        }
        self.record_refusals(at, &refusals, effects);
        self.record_why(why, &refusals, effects);
        self.record_forecasts(at, forecasts, !places.is_empty(), effects);
        self.record_coherence(at, coherence, effects);
        effects.extend(places);
    }

    fn approve(&mut self, at: DateTime<Utc>, intent: Intent, equity: Money) -> Result<Effect, Refusal> {
        self.own_refusal(at, &intent)?;
        let intent = self.within_collar(intent);
        self.review(at, intent, equity)
    }

    /// Mints the order of an intent and has risk review it.
    pub(super) fn review(
        &mut self,
        at: DateTime<Utc>,
        intent: Intent,
        equity: Money,
    ) -> Result<Effect, Refusal> {
        if let Some(until) = self.quiet_until.filter(|until| at < *until) {
            return Err(Refusal::new(
                Reason::CancelAllQuiet,
                format!("Nothing is placed before {until}."),
            ));
        }
        let ticker = intent.ticker.clone();
        let generation = Generation(self.generations.get(&ticker).map_or(0, |generation| generation.0) + 1);
        let client_order_id = mint_id(&self.settings.scope, &ticker, generation)
            .map_err(|error| Refusal::new(Reason::Unmapped, error.to_string()))?;
        let exchange_index = self
            .markets
            .get(&ticker)
            .map_or(0, |market| market.exchange_index);
        let order = Order {
            client_order_id,
            generation,
            venue_order_id: None,
            reduce_only: intent.purpose.reduces(),
            intent,
            state: OrderState::Intended,
            filled: Contracts::ZERO,
            created_at: at,
            updated_at: at,
            reject_reason: None,
        };
        let view = RiskView {
            at,
            portfolio: &self.account.portfolio,
            mappings: &self.mappings,
            markets: &self.markets,
            books: &self.books,
            standing: self.signals.standing(),
            exchange: self.exchange,
            equity,
        };
        let order = self.risk.review(order, &view)?;
        self.generations.insert(ticker, generation);
        // From here on the order counts as filled at worst for everything decided later in this event.
        let pending = order.get().clone();
        self.account
            .portfolio
            .open_orders
            .insert(pending.client_order_id.clone(), pending);
        Ok(Effect::Place {
            order,
            exchange_index,
        })
    }

    /// Brings a limit that walks deep into the book back to the collar: less fills, but the rest is not refused with it.
    fn within_collar(&self, mut intent: Intent) -> Intent {
        let best = self
            .books
            .get(&intent.ticker)
            .and_then(|book| book.against(intent.side).next());
        let (Some(best), Some(market)) = (best, self.markets.get(&intent.ticker)) else {
            return intent;
        };
        let collar = self.risk.limits().price_collar_raw;
        let bound = match intent.side {
            BookSide::Bid => best
                .price
                .offset(collar)
                .and_then(|price| market.grid.floor(price)),
            BookSide::Ask => best
                .price
                .offset(-collar)
                .and_then(|price| market.grid.ceil(price)),
        };
        if let Some(bound) = bound {
            intent.limit = match intent.side {
                BookSide::Bid => intent.limit.min(bound),
                BookSide::Ask => intent.limit.max(bound),
            };
        }
        intent
    }

    /// What an entry would have got: a taker what the book has within its limit, a maker all of it at its own price.
    fn forgone(&self, intent: &Intent) -> Option<Wanted> {
        if intent.purpose != Purpose::Entry {
            return None;
        }
        let own = Level {
            price: intent.limit,
            size: intent.contracts,
        };
        let (levels, liquidity) = if intent.post_only {
            (vec![own], Liquidity::Maker)
        } else {
            let book = self.books.get(&intent.ticker)?;
            let walk = book.walk(intent.side, intent.contracts, intent.limit);
            (walk.levels, Liquidity::Taker)
        };
        let mut wanted = Wanted {
            side: intent.side,
            contracts: Contracts::ZERO,
            limit: intent.limit,
            cost: Money::ZERO,
            fees: Money::ZERO,
        };
        for Level { price, size } in levels {
            let outcome = match intent.side {
                BookSide::Bid => price,
                BookSide::Ask => price.complement(),
            };
            let fee = intent.fees.fee(liquidity, price, size, FeeRounding::Direct)?;
            wanted.contracts = wanted.contracts.checked_add(size)?;
            wanted.cost = wanted.cost.checked_add(outcome.times(size)?)?;
            wanted.fees = wanted.fees.checked_add(fee)?;
        }
        (!wanted.contracts.is_zero()).then_some(wanted)
    }

    fn own_refusal(&self, at: DateTime<Utc>, intent: &Intent) -> Result<(), Refusal> {
        let cooling = if intent.purpose.reduces() {
            &self.cooling_exits
        } else {
            &self.cooling
        };
        if cooling.get(&intent.ticker).is_some_and(|until| at < *until) {
            return Err(Refusal::new(
                Reason::CoolingDown,
                "The last order came to nothing moments ago.",
            ));
        }
        self.quiet_refusal(at, intent)?;
        if intent.purpose == Purpose::Entry && self.unexplained.contains(&intent.ticker) {
            return Err(Refusal::new(
                Reason::PositionUnexplained,
                "The account was traded by someone else.",
            ));
        }
        Ok(())
    }

    /// A refusal is recorded when its reason is new on the contract, and hourly while it stands.
    fn record_refusals(
        &mut self,
        at: DateTime<Utc>,
        refusals: &BTreeMap<Ticker, Refused>,
        effects: &mut Vec<Effect>,
    ) {
        self.refused.retain(|ticker, _| refusals.contains_key(ticker));
        for (ticker, Refused { refusal, .. }) in refusals {
            let known = self.refused.get(ticker).copied();
            if known
                .is_some_and(|(reason, since)| reason == refusal.reason && at - since < TimeDelta::hours(1))
            {
                continue;
            }
            self.refused.insert(ticker.clone(), (refusal.reason, at));
            effects.push(Effect::Record(Record::Refusal {
                at,
                ticker: ticker.clone(),
                reason: refusal.reason,
                detail: refusal.detail.clone(),
            }));
        }
    }

    fn record_why(
        &mut self,
        lines: Vec<Why>,
        refusals: &BTreeMap<Ticker, Refused>,
        effects: &mut Vec<Effect>,
    ) {
        for mut line in lines {
            if let Some(Refused { refusal, wanted }) = refusals.get(&line.ticker) {
                line.wanted = line.wanted.or_else(|| wanted.clone());
                line.next_reason = line.reason;
                line.reason = Some(refusal.reason);
                line.action = Action::Hold;
            }
            if self.why.take(line.clone()) {
                effects.push(Effect::Record(Record::Decision(line)));
            }
        }
    }
}
