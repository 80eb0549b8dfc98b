//! One contract: what it is worth, what the market says, and everything that forbids an entry or an exit.

use std::collections::BTreeMap;

use autotrader_domain::{
    Book, BookSide, Claim, Contracts, Mapping, Market, MarketView, Net, Order, OrderState, Price, Reason,
};
use autotrader_settlement::RuleSet;
use chrono::{DateTime, Utc};

use super::outlook::{BoardView, Outlook, Value};
use crate::edge::{FeeTerms, level_edge};
use crate::exits::{Exit, Holding, half_spread, size_exit};
use crate::guards;
use crate::params::{EntryStyle, Params};
use crate::pool::pool;
use crate::prior::MarketPrior;
use crate::resting;
use crate::timing;

/// What holds for the whole evaluation.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) params: &'a Params,
    pub(crate) view: &'a MarketView<'a>,
    pub(crate) board: Option<BoardView<'a>>,
    /// What forbids entries on every contract.
    pub(crate) everywhere: Vec<Reason>,
    /// Whether a strictly newer board came so recently that the market may lag.
    pub(crate) fresh: bool,
    /// Weight of the model in the pool.
    pub(crate) weight: f64,
    /// The least edge per contract after fees, in dollars: what is configured, and more for every input that is missing.
    pub(crate) min_edge: f64,
}

/// What holds for one event.
#[derive(Debug)]
pub(crate) struct EventScene {
    /// What the challenge, the top of the board or its ambiguity forbid.
    pub(crate) board_reasons: Vec<Reason>,
    /// Whether the mids of the event sum to something implausible.
    pub(crate) mids_out_of_band: bool,
    /// Whether the winner is too close to call, so that every contract is valued at the worse reading.
    pub(crate) ambiguous: bool,
}

/// The terms a mapping binds a contract to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) claim: &'a Claim,
    pub(crate) rules: RuleSet,
    pub(crate) check_time: DateTime<Utc>,
}

impl<'a> Terms<'a> {
    /// The terms of a mapping; `None` while any of them is unknown.
    pub(crate) fn of(mapping: Option<&'a Mapping>) -> Option<Self> {
        let mapping = mapping?;
        Some(Self {
            claim: mapping.claim.as_ref()?,
            rules: mapping.rule_set.as_ref()?.parse().ok()?,
            check_time: mapping.check_time?,
        })
    }
}

/// The better side of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) side: BookSide,
    /// The probability of YES at the worse end for this side.
    pub(crate) yes: f64,
    /// The edge of the best level after fees, or of resting after the maker's fee, in dollars per contract.
    pub(crate) edge: f64,
    /// The limit at which it rests; `None` when it takes.
    pub(crate) rests_at: Option<Price>,
}

/// What is thought of one contract, before sizes are given out.
#[derive(Debug)]
pub(crate) struct Assessment<'a> {
    pub(crate) market: &'a Market,
    pub(crate) terms: Option<Terms<'a>>,
    pub(crate) book: Option<&'a Book>,
    pub(crate) net: Net,
    pub(crate) value: Option<Value>,
    pub(crate) market_probability: Option<f64>,
    pub(crate) pooled: Option<f64>,
    pub(crate) baselines: BTreeMap<String, f64>,
    pub(crate) candidate: Option<Candidate>,
    pub(crate) exit: Option<Exit>,
    /// The entry of ours that rests, when it is the only unfinished order here.
    pub(crate) resting: Option<&'a Order>,
    /// The edge that its limit has left, in dollars per contract.
    pub(crate) resting_edge: Option<f64>,
    /// What forbids an entry, in the order it is told.
    pub(crate) reasons: Vec<Reason>,
}

impl Assessment<'_> {
    /// Whether nothing forbids an entry.
    pub(crate) fn may_enter(&self) -> bool {
        self.reasons.is_empty() && self.exit.is_none()
    }

    /// Whether the other outcome than the one that `side` buys is held.
    pub(crate) fn holds_other(&self, side: BookSide) -> bool {
        !self.net.reduced_by(side, Contracts::whole(1)).is_zero()
    }
}

impl<'a> Scene<'a> {
    /// What is worth entering on a contract if nothing forbids it, with the book that offers it.
    ///
    /// The other outcome is kept until it is worth selling; it is never hedged by this one.
    pub(crate) fn worth(&self, assessment: &Assessment<'a>) -> Option<(Candidate, &'a Book)> {
        let candidate = assessment.candidate?;
        let enough = candidate.edge >= self.min_edge && assessment.exit.is_none();
        (enough && !assessment.holds_other(candidate.side)).then_some((candidate, assessment.book?))
    }

    /// What the estimators say for a contract's terms.
    pub(crate) fn outlook(&self, terms: Terms<'_>) -> Option<&Outlook<'a>> {
        self.board.as_ref()?.outlook(terms.rules, terms.check_time)
    }

    /// Whether a mapping names something that the board lists.
    pub(crate) fn knows(&self, mapping: &Mapping) -> bool {
        let board = self.board.as_ref();
        mapping
            .claim
            .as_ref()
            .is_some_and(|claim| board.is_some_and(|board| board.lists(claim)))
    }

    fn value(&self, terms: Option<Terms<'_>>, ambiguous: bool) -> Option<(Value, BTreeMap<String, f64>)> {
        let terms = terms?;
        let outlook = self.outlook(terms)?;
        let value = outlook.value(terms.claim, ambiguous);
        // Zero may mean "hopeless" or "not on the board": only the former is a price.
        let known = value.high > 0.0 || self.board.as_ref().is_some_and(|board| board.lists(terms.claim));
        known.then(|| (value, outlook.baselines(terms.claim)))
    }

    /// Judges one contract.
    pub(crate) fn assess(
        &self,
        market: &'a Market,
        prior: MarketPrior,
        event: &EventScene,
    ) -> Assessment<'a> {
        let mapping = self.view.mappings.get(&market.ticker);
        let terms = Terms::of(mapping);
        let fresh_book = guards::fresh_book(
            self.view.books.get(&market.ticker),
            self.view.at,
            &self.params.guards,
        );
        let book = fresh_book.ok();
        let value = self.value(terms, event.ambiguous);
        let net = self.view.portfolio.position(&market.ticker).net;
        let mut assessment = Assessment {
            market,
            terms,
            book,
            net,
            value: value.as_ref().map(|(value, _)| *value),
            market_probability: prior.point(),
            pooled: None,
            baselines: value.map(|(_, baselines)| baselines).unwrap_or_default(),
            candidate: None,
            exit: None,
            resting: self.resting(market),
            resting_edge: None,
            reasons: Vec::new(),
        };
        let floor = self.params.pool.floor;
        if let Some(value) = assessment.value {
            assessment.pooled = Some(pool(value.pooled_from, prior, self.weight, floor));
        }
        let life = guards::market_reasons(market, self.view.exchange, self.view.at);
        let mapped = mapping_reasons(mapping, terms);
        let orders = match assessment.resting {
            Some(_) => Vec::new(),
            None => self.order_reasons(market),
        };
        let may_exit = life.is_empty()
            && mapped.is_empty()
            && self.board.is_some()
            && !orders.contains(&Reason::OrderInFlight);
        if may_exit {
            assessment.exit = self.exit(&assessment);
        }
        assessment.candidate = self.candidate(&assessment, prior);
        assessment.resting_edge = self.resting_edge(&assessment, prior);
        let book_reasons = self.book_reasons(fresh_book, event);
        let too_late = terms.is_some_and(|terms| self.too_late(market, terms));
        let reasons = &mut assessment.reasons;
        reasons.extend(life);
        reasons.extend(&self.everywhere);
        reasons.extend(mapped);
        reasons.extend(&event.board_reasons);
        reasons.extend(book_reasons);
        reasons.extend(too_late.then_some(Reason::TooCloseToCheck));
        reasons.extend(orders);
        self.add_price_reasons(&mut assessment, event);
        assessment
    }

    /// Whether it is too late to enter, by the check or by a close that was moved before it.
    pub(crate) fn too_late(&self, market: &Market, terms: Terms<'_>) -> bool {
        let end = terms.check_time.min(market.close_time);
        timing::entries_closed(self.view.at, end, &self.params.timing)
    }

    /// When an order that is made to rest now would be removed by the exchange; `None` when that is too soon.
    pub(crate) fn expiry(&self, assessment: &Assessment<'_>) -> Option<DateTime<Utc>> {
        let end = assessment.terms?.check_time.min(assessment.market.close_time);
        resting::expiry(self.view.at, end, &self.params.resting, &self.params.timing)
    }

    fn book_reasons(&self, book: Result<&Book, Reason>, event: &EventScene) -> Vec<Reason> {
        let mut reasons = match book {
            Ok(book) => guards::spread_reason(book.mid(), &self.params.guards)
                .into_iter()
                .collect(),
            Err(reason) => vec![reason],
        };
        reasons.extend(event.mids_out_of_band.then_some(Reason::MidsOutOfBand));
        reasons
    }

    /// The entry that rests on a contract; only where entries rest, and only when nothing else is unfinished there.
    fn resting(&self, market: &'a Market) -> Option<&'a Order> {
        let mut orders = self
            .view
            .portfolio
            .orders_on(&market.ticker)
            .filter(|order| !order.state.is_terminal());
        let only = orders.next().filter(|order| resting::rests(order))?;
        (self.params.resting.style == EntryStyle::Rest && orders.next().is_none()).then_some(only)
    }

    fn order_reasons(&self, market: &Market) -> Vec<Reason> {
        let mut orders = self
            .view
            .portfolio
            .orders_on(&market.ticker)
            .filter(|order| !order.state.is_terminal())
            .map(|order| order.state == OrderState::Unknown);
        let first = orders.next();
        let (mut unknown, mut known) = (first == Some(true), first == Some(false));
        for is_unknown in orders {
            unknown |= is_unknown;
            known |= !is_unknown;
        }
        let mut reasons = Vec::new();
        reasons.extend(unknown.then_some(Reason::UnknownOrder));
        reasons.extend(known.then_some(Reason::OrderInFlight));
        reasons
    }

    pub(crate) fn fees(&self, market: &Market) -> FeeTerms {
        FeeTerms {
            schedule: market.fees,
            rounding: self.params.fee_rounding,
        }
    }

    fn exit(&self, assessment: &Assessment<'_>) -> Option<Exit> {
        let (book, yes) = (assessment.book?, assessment.pooled?);
        let reducers: i64 = self
            .view
            .portfolio
            .orders_on(&assessment.market.ticker)
            .map(|order| {
                let open = order.open_contracts();
                assessment.net.reduced_by(order.intent.side, open).raw()
            })
            .sum();
        let holding = Holding {
            net: assessment.net,
            reducible: assessment
                .net
                .size()
                .saturating_sub(Contracts::from_raw(reducers).unwrap_or(Contracts::ZERO)),
            yes,
            half_spread: half_spread(book),
            min_hysteresis: self.params.min_exit_hysteresis.probability(),
            fees: self.fees(assessment.market),
        };
        size_exit(book, &holding)
    }

    /// The probability of YES that an entry on `side` is priced with: at the worse end of the uncertainty for it.
    fn worse_end(&self, value: Value, side: BookSide, prior: MarketPrior) -> f64 {
        let worse = match side {
            BookSide::Bid => value.low,
            BookSide::Ask => value.high,
        };
        pool(worse, prior, self.weight, self.params.pool.floor)
    }

    /// The better side: what is worth taking, or else what is worth resting for.
    fn candidate(&self, assessment: &Assessment<'_>, prior: MarketPrior) -> Option<Candidate> {
        let (book, value) = (assessment.book?, assessment.value?);
        let fees = self.fees(assessment.market);
        let best = |of: &dyn Fn(BookSide, f64) -> Option<(f64, Option<Price>)>| {
            [BookSide::Bid, BookSide::Ask]
                .into_iter()
                .filter_map(|side| {
                    let yes = self.worse_end(value, side, prior);
                    let (edge, rests_at) = of(side, yes)?;
                    Some(Candidate {
                        side,
                        yes,
                        edge,
                        rests_at,
                    })
                })
                .max_by(|a, b| a.edge.total_cmp(&b.edge))
        };
        let min_edge = self.min_edge;
        let taker = best(&|side, yes| {
            let level = book.against(side).next()?;
            Some((level_edge(yes, side, level, fees)?, None))
        });
        if self.params.resting.style == EntryStyle::Take || taker.is_some_and(|taker| taker.edge >= min_edge)
        {
            return taker;
        }
        let maker = best(&|side, yes| {
            let limit = resting::resting_limit(book, assessment.market, side, yes, min_edge, fees).ok()?;
            Some((resting::maker_edge(yes, side, limit, fees)?, Some(limit)))
        });
        maker.or(taker)
    }

    /// The edge that the resting order's own limit has left, priced as an entry made now would be.
    fn resting_edge(&self, assessment: &Assessment<'_>, prior: MarketPrior) -> Option<f64> {
        let (intent, value) = (&assessment.resting?.intent, assessment.value?);
        let yes = self.worse_end(value, intent.side, prior);
        resting::maker_edge(yes, intent.side, intent.limit, self.fees(assessment.market))
    }

    fn add_price_reasons(&self, assessment: &mut Assessment<'_>, event: &EventScene) {
        let guard = &self.params.guards;
        let Some(value) = assessment.value else {
            assessment.reasons.push(Reason::FairUnknown);
            return;
        };
        let mid = assessment.market_probability;
        if mid.is_some_and(|mid| guards::gap_too_large(value.pooled_from, mid, self.fresh, guard)) {
            assessment.reasons.push(Reason::ModelMarketGap);
        }
        let Some(candidate) = assessment.candidate else {
            if assessment.book.is_some() {
                assessment.reasons.push(Reason::NoDepth);
            }
            return;
        };
        let quotes = assessment
            .book
            .and_then(|book| Some((book.best_bid()?.price, book.best_ask()?.price)));
        let favourite =
            quotes.is_some_and(|(bid, ask)| guards::against_favourite(bid, ask, self.fresh, guard));
        if candidate.side == BookSide::Ask && favourite {
            assessment.reasons.push(Reason::NoAgainstFavourite);
        }
        if self.nothing_to_come(assessment, candidate.side) {
            assessment.reasons.push(Reason::NoRefreshLeft);
        }
        if candidate.edge < self.min_edge {
            // Where the worse reading decides, that is what there is to tell.
            let told = if event.ambiguous {
                Reason::AmbiguousWinner
            } else {
                Reason::NoEdge
            };
            assessment.reasons.push(told);
        }
    }
}

impl Scene<'_> {
    /// Whether YES on today's leader would be added to with hardly a refresh to come.
    fn nothing_to_come(&self, assessment: &Assessment<'_>, side: BookSide) -> bool {
        let Some(terms) = assessment.terms else {
            return false;
        };
        let winner = self
            .board
            .as_ref()
            .and_then(|board| board.ranked(terms.rules)?.winner());
        let leads = winner.is_some_and(|winner| terms.claim.pays(&guards::outcome(winner)));
        let horizon = terms.check_time.signed_duration_since(self.view.at);
        leads
            && side == BookSide::Bid
            && assessment.net.raw() > 0
            && guards::nothing_to_come(horizon, &self.params.guards, &self.params.board_walk)
    }
}

/// Everything about the mapping that forbids both entries and automatic exits.
pub(crate) fn mapping_reasons(mapping: Option<&Mapping>, terms: Option<Terms<'_>>) -> Vec<Reason> {
    let Some(mapping) = mapping else {
        return vec![Reason::Unmapped];
    };
    let mut reasons = mapping.reasons.clone();
    // A mapping that forbids something must say so even if its reasons forgot it.
    if reasons.is_empty() && !mapping.state.may_enter() {
        reasons.push(Reason::Unmapped);
    }
    if reasons.is_empty() && terms.is_none() {
        reasons.push(Reason::RulesUnknown);
    }
    if reasons.is_empty()
        && terms.is_some_and(|terms| terms.rules.rule != autotrader_settlement::Rule::Cascade)
    {
        reasons.push(Reason::RuleSetUnsupported);
    }
    reasons
}
