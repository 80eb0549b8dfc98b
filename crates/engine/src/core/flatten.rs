//! Closing everything at an operator's word: cancel, wait for the end of each order, then close what is held with
//! immediate reduce-only orders at prices that the book shows, in pieces and again until nothing is left or it cannot be
//! done.

use std::collections::BTreeSet;

use autotrader_domain::{
    Alert, Book, BookSide, Claim, Contracts, Intent, Market, MarketStatus, Money, Net, Order, OrderState,
    OrderUpdate, Price, Purpose, Record, RejectReason, Severity, Ticker, TimeInForce,
};
use autotrader_risk::Cause;
use chrono::{DateTime, TimeDelta, Utc};

use super::Engine;
use crate::flattening::Pursuit;
use crate::{Effect, FlattenLeg, FlattenStage, FlattenStep, Flattening, Obstacle};

/// The least time between two closing orders on one contract: the book and the account must be read anew in between.
const BETWEEN_ATTEMPTS: TimeDelta = TimeDelta::seconds(3);

/// A contract is given up after so many closing orders.
const MAX_ATTEMPTS: u32 = 40;

/// A contract is given up when its position did not become smaller for so long.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

impl Engine {
    /// Whether a flatten is under way.
    pub(super) fn is_flattening(&self) -> bool {
        self.flattening
            .as_ref()
            .is_some_and(|flattening| !flattening.has_ended())
    }

    /// Halts and begins to close everything; one that is under way goes on.
    pub(super) fn begin_flatten(&mut self, at: DateTime<Utc>, reason: &str, effects: &mut Vec<Effect>) {
        self.raise(at, Cause::OperatorHalt, reason, effects);
        if !self.is_flattening() {
            self.flattening = Some(Flattening::new(reason.to_owned(), at));
        }
    }

    /// Ends a flatten because the operator resumed trading.
    pub(super) fn abandon_flatten(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        let Some(mut flattening) = self.flattening.take() else {
            return;
        };
        if !flattening.has_ended() {
            for leg in flattening
                .legs
                .values_mut()
                .filter(|leg| leg.step != FlattenStep::Closed)
            {
                leg.step = FlattenStep::Impossible {
                    obstacle: Obstacle::Resumed,
                };
            }
            flattening.stage = FlattenStage::Impossible;
            tell(&flattening, at, effects);
        }
        self.flattening = Some(flattening);
    }

    /// Remembers what became of a closing order.
    pub(super) fn note_closing(&mut self, update: &OrderUpdate) {
        let order = &update.order;
        if order.intent.purpose != Purpose::Flatten || !order.state.is_terminal() {
            return;
        }
        let Some(pursuit) = self
            .flattening
            .as_mut()
            .and_then(|flattening| flattening.pursuits.get_mut(&order.intent.ticker))
        else {
            return;
        };
        pursuit.refused = order.reject_reason;
        if order.reject_reason == Some(RejectReason::InsufficientBalance) {
            pursuit.piece = Some(half(order.intent.contracts));
        } else if !order.filled.is_zero() {
            // What was paid for one piece pays for a larger one.
            pursuit.piece = pursuit.piece.and_then(|piece| piece.checked_add(piece));
        }
    }

    /// Looks at every contract of the flatten under way and does what can be done now.
    pub(super) fn drive_flatten(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        if !self.is_flattening() {
            return;
        }
        let Some(mut flattening) = self.flattening.take() else {
            return;
        };
        let portfolio = &self.account.portfolio;
        let held = portfolio
            .positions
            .iter()
            .filter(|(_, position)| !position.net.is_flat());
        let tickers: BTreeSet<Ticker> = held
            .map(|(ticker, _)| ticker)
            .chain(portfolio.open_orders.values().map(|order| &order.intent.ticker))
            .chain(flattening.legs.keys())
            .cloned()
            .collect();
        for ticker in tickers {
            self.drive_leg(at, ticker, &mut flattening, effects);
        }
        let steps = || flattening.legs.values().map(|leg| &leg.step);
        let ended = steps().all(|step| matches!(step, FlattenStep::Closed | FlattenStep::Impossible { .. }));
        if ended {
            flattening.stage = if steps().all(|step| *step == FlattenStep::Closed) {
                FlattenStage::Flat
            } else {
                FlattenStage::Impossible
            };
            tell(&flattening, at, effects);
        }
        self.flattening = Some(flattening);
    }

    fn drive_leg(
        &mut self,
        at: DateTime<Utc>,
        ticker: Ticker,
        flattening: &mut Flattening,
        effects: &mut Vec<Effect>,
    ) {
        let left = self.account.portfolio.position(&ticker).net;
        let attempts = flattening.legs.get(&ticker).map_or(0, |leg| leg.attempts);
        let pursuit = flattening
            .pursuits
            .entry(ticker.clone())
            .or_insert_with(|| Pursuit::new(left, at));
        if left.size() < pursuit.left.size() {
            pursuit.moved_at = at;
        }
        pursuit.left = left;
        let mut leg = FlattenLeg {
            left,
            attempts,
            step: FlattenStep::Closed,
        };
        leg.step = match self.next_step(at, &ticker, left, attempts, pursuit) {
            Next::Step(step) => step,
            Next::Obstacle(obstacle) if is_final(&obstacle) || at - pursuit.moved_at >= PATIENCE => {
                FlattenStep::Impossible { obstacle }
            }
            Next::Obstacle(obstacle) => FlattenStep::Waiting {
                obstacle,
                since: pursuit.moved_at,
            },
            Next::Send(intent) => {
                let equity = self.account.equity();
                match self.review(at, *intent, equity) {
                    Ok(effect) => {
                        leg.attempts += 1;
                        pursuit.sent_at = Some(at);
                        let step = closing_step(&effect);
                        effects.push(effect);
                        step
                    }
                    Err(refusal) => FlattenStep::Waiting {
                        obstacle: Obstacle::Refused {
                            detail: refusal.to_string(),
                        },
                        since: pursuit.moved_at,
                    },
                }
            }
        };
        flattening.legs.insert(ticker, leg);
    }

    /// What comes next on one contract.
    fn next_step(
        &self,
        at: DateTime<Utc>,
        ticker: &Ticker,
        left: Net,
        attempts: u32,
        pursuit: &Pursuit,
    ) -> Next {
        let closable = match self.closable(at, ticker, pursuit) {
            Ok(closable) => closable,
            Err(next) => return next,
        };
        if left.is_flat() {
            return Next::Step(FlattenStep::Closed);
        }
        let (market, book) = match self.tradable(at, ticker) {
            Ok(found) => found,
            Err(obstacle) => return Next::Obstacle(obstacle),
        };
        if attempts >= MAX_ATTEMPTS {
            return Next::Obstacle(Obstacle::GivenUp { attempts });
        }
        if let Some(sent_at) = pursuit.sent_at {
            let too_soon = at - sent_at < BETWEEN_ATTEMPTS;
            // What an older book shows, the last closing order may have taken.
            if too_soon || book.received_at <= sent_at {
                return Next::Obstacle(match pursuit.refused {
                    Some(reason) => Obstacle::Rejected { reason },
                    None if too_soon => Obstacle::Pause,
                    None => Obstacle::NoBook,
                });
            }
        }
        let wanted = pursuit.piece.map_or(closable, |piece| piece.min(closable));
        match self.closing_intent(market, book, left, wanted) {
            Some(intent) => Next::Send(Box::new(intent)),
            None => Next::Obstacle(Obstacle::NoBids),
        }
    }

    /// The order of ours that must end first; otherwise how much may be closed now.
    fn closable(&self, at: DateTime<Utc>, ticker: &Ticker, pursuit: &Pursuit) -> Result<Contracts, Next> {
        let net = self.account.portfolio.position(ticker).net;
        let open: Vec<&Order> = self.account.portfolio.orders_on(ticker).collect();
        let known = open.iter().find(|order| order.state != OrderState::Unknown);
        // Beside orders with an unknown outcome, what they cannot be closing already may be closed.
        let closing = open
            .iter()
            .filter(|order| !net.reduced_by(order.intent.side, net.size()).is_zero())
            .fold(Contracts::ZERO, |sum, order| {
                sum.checked_add(order.open_contracts()).unwrap_or(sum)
            });
        let closable = net.size().saturating_sub(closing);
        let Some(first) = known.or(open.first()) else {
            return Ok(closable);
        };
        if known.is_none() && !closable.is_zero() {
            return Ok(closable);
        }
        let client_order_id = first.client_order_id.clone();
        Err(if at - pursuit.moved_at >= PATIENCE {
            Next::Obstacle(Obstacle::OrderOpen { client_order_id })
        } else if first.intent.purpose == Purpose::Flatten {
            Next::Step(FlattenStep::Closing { client_order_id })
        } else {
            Next::Step(FlattenStep::Cancelling { client_order_id })
        })
    }

    /// The market and a book to close on.
    fn tradable(&self, at: DateTime<Utc>, ticker: &Ticker) -> Result<(&Market, &Book), Obstacle> {
        let market = self.markets.get(ticker).ok_or(Obstacle::UnknownMarket)?;
        if market.close_time <= at {
            return Err(Obstacle::PastClose);
        }
        if market.status != MarketStatus::Active {
            return Err(Obstacle::NotOpen {
                status: market.status,
            });
        }
        if self
            .exchange
            .is_some_and(|status| !(status.exchange_active && status.trading_active))
        {
            return Err(Obstacle::ExchangePaused);
        }
        match self.books.get(ticker) {
            Some(book) if at - book.received_at <= self.risk.limits().max_book_age => Ok((market, book)),
            _ => Err(Obstacle::NoBook),
        }
    }

    /// An immediate order for what the book shows of the position, at the worst price that takes; `None` when the book
    /// shows nothing.
    fn closing_intent(&self, market: &Market, book: &Book, left: Net, wanted: Contracts) -> Option<Intent> {
        let (side, furthest) = if left.raw() > 0 {
            (BookSide::Ask, Price::ZERO)
        } else {
            (BookSide::Bid, Price::ONE)
        };
        let walk = book.walk(side, wanted, furthest);
        let worst = walk.worst?;
        let limit = match side {
            BookSide::Ask => market.grid.floor(worst),
            BookSide::Bid => market.grid.ceil(worst),
        }?;
        let mapping = self.mappings.get(&market.ticker);
        Some(Intent {
            ticker: market.ticker.clone(),
            event: market.event.clone(),
            series: market.series.clone(),
            // A contract without a known claim stands for itself: it pays in a state of its own.
            claim: mapping
                .and_then(|mapping| mapping.claim.clone())
                .unwrap_or_else(|| Claim::Model {
                    model_name: market.ticker.to_string(),
                    organization: None,
                }),
            side,
            contracts: walk.filled,
            limit,
            time_in_force: TimeInForce::ImmediateOrCancel,
            post_only: false,
            purpose: Purpose::Flatten,
            edge: Money::ZERO,
            fees: market.fees,
            check_time: mapping
                .and_then(|mapping| mapping.check_time)
                .unwrap_or(market.close_time),
            strategy: "operator".to_owned(),
            rationale: format!("An operator asked for everything to be closed; {left} are held."),
        })
    }
}

/// What comes next on one contract.
enum Next {
    Step(FlattenStep),
    Obstacle(Obstacle),
    Send(Box<Intent>),
}

fn closing_step(effect: &Effect) -> FlattenStep {
    match effect {
        Effect::Place { order, .. } => FlattenStep::Closing {
            client_order_id: order.get().client_order_id.clone(),
        },
        _ => FlattenStep::Closed,
    }
}

/// Whether waiting cannot help.
const fn is_final(obstacle: &Obstacle) -> bool {
    match obstacle {
        Obstacle::PastClose | Obstacle::GivenUp { .. } | Obstacle::Resumed => true,
        Obstacle::NotOpen { status } => matches!(
            status,
            MarketStatus::Closed
                | MarketStatus::Determined
                | MarketStatus::Disputed
                | MarketStatus::Amended
                | MarketStatus::Finalized
        ),
        _ => false,
    }
}

/// Half a size in whole contracts; one contract, or what is less, is not halved.
fn half(contracts: Contracts) -> Contracts {
    let halved = Contracts::from_raw(contracts.raw() / 2)
        .unwrap_or(contracts)
        .floor_whole();
    if halved.is_zero() { contracts } else { halved }
}

/// Writes down and tells how a flatten ended.
fn tell(flattening: &Flattening, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
    let left: Vec<String> = flattening
        .remaining()
        .map(|(ticker, leg)| match &leg.step {
            FlattenStep::Impossible { obstacle } => format!("{} of {ticker}: {obstacle}", leg.left),
            _ => format!("{} of {ticker}", leg.left),
        })
        .collect();
    let (severity, detail) = if flattening.stage == FlattenStage::Flat {
        (
            Severity::Warning,
            "Everything is closed, as our books have it.".to_owned(),
        )
    } else {
        (
            Severity::Critical,
            format!("Not everything could be closed: {}.", left.join("; ")),
        )
    };
    effects.push(Effect::Record(Record::System {
        at,
        name: "flatten_ended".into(),
        detail: detail.clone(),
    }));
    effects.push(Effect::Alert(Alert {
        severity,
        name: "flatten_ended".into(),
        text: detail,
        at,
    }));
}
