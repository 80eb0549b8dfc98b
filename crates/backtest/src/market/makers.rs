//! The market makers: they quote every contract from the boards that they have seen, each with a lag of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::{BookSide, Claim, Contracts, GatedBoard, MarketStatus, Money, Price, Ticker};
use autotrader_settlement::RuleSet;
use autotrader_simulator::exchange::{AccountId, AccountKind, Exchange, NewOrder};
use autotrader_strategy::fair::{
    ArrivalRates, BoardWalk, Forecast, Persistence, Question, RankedBoard, forecast,
};
use autotrader_strategy::params::BoardWalkParams;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::boards::Past;
use super::chance::{around_zero, chance};
use super::contracts::Contract;
use super::news::News;
use super::oracle::Winners;
use super::regime::Terms;

/// How many of them there are.
pub(super) const MAKERS: usize = 2;

/// How long an opinion is kept while no new board comes.
const OPINION_LASTS: TimeDelta = TimeDelta::hours(1);

/// How long a mood lasts, in seconds.
const MOOD_LASTS: i64 = 21_600;

/// The lowest and the highest opinion that is quoted, as a probability: nobody bids for what is all but lost.
const QUOTED: (f64, f64) = (0.01, 0.99);

/// What one of them thinks of one check.
struct Opinion {
    formed_at: DateTime<Utc>,
    of: BTreeMap<Ticker, f64>,
}

struct Maker {
    account: AccountId,
    past: Past,
    seen_at: Option<DateTime<Utc>>,
    opinions: BTreeMap<DateTime<Utc>, Opinion>,
}

/// The market makers of one run.
pub(super) struct Makers {
    seed: u64,
    terms: Terms,
    params: BoardWalkParams,
    makers: Vec<Maker>,
    lags: ChaCha8Rng,
    news: News,
}

impl Makers {
    pub(super) fn open(
        exchange: &mut Exchange,
        terms: Terms,
        params: &BoardWalkParams,
        (seed, winners): (u64, Winners),
        at: DateTime<Utc>,
    ) -> Self {
        let makers = (0..MAKERS).map(|number| Maker {
            account: exchange.open_account(
                &format!("maker {number}"),
                AccountKind::House,
                Money::dollars(2_000_000),
                at,
            ),
            past: Past::default(),
            seen_at: None,
            opinions: BTreeMap::new(),
        });
        Self {
            seed,
            terms,
            params: params.clone(),
            makers: makers.collect(),
            lags: chance(seed, "lags"),
            news: News::new(seed, terms.news, winners),
        }
    }

    /// How long after it is shown each maker sees a new board.
    pub(super) fn draw_lags(&mut self) -> Vec<TimeDelta> {
        let (least, greatest) = self.terms.lag_seconds;
        (0..self.makers.len())
            .map(|_| TimeDelta::milliseconds(self.lags.gen_range(least * 1_000..=greatest * 1_000)))
            .collect()
    }

    /// Lets a maker see a board.
    pub(super) fn see(&mut self, maker: usize, page: &Arc<GatedBoard>, at: DateTime<Utc>) {
        if let Some(maker) = self.makers.get_mut(maker) {
            maker.past.see(page, at);
            maker.seen_at = Some(at);
            maker.opinions.clear();
        }
    }

    /// Lets everyone who has seen a board look at its quotes again, and replace those that no longer stand.
    pub(super) fn quote(
        &mut self,
        exchange: &mut Exchange,
        contracts: &BTreeMap<Ticker, Contract>,
        at: DateTime<Utc>,
    ) {
        let open: Vec<&Contract> = contracts
            .values()
            .filter(|contract| {
                let market = exchange.market(&contract.market.ticker);
                market.is_some_and(|market| market.status == MarketStatus::Active)
            })
            .collect();
        let (seed, terms) = (self.seed, self.terms);
        let mut fresh = Vec::new();
        for (number, maker) in self.makers.iter_mut().enumerate() {
            maker.form_opinions(&self.params, contracts, at);
            let told = tilts(&mut self.news, &maker.opinions, contracts, at);
            for contract in &open {
                let ticker = &contract.market.ticker;
                let opinion = maker.opinions.get(&contract.check);
                let Some(fair) = opinion.and_then(|opinion| opinion.of.get(ticker)) else {
                    continue;
                };
                let fair = told.get(ticker).map_or(*fair, |tilt| fair * tilt);
                let fair = moved(fair, mood(seed, &terms, number, ticker, at));
                let wanted = wanted(&terms, fair);
                if !stands(exchange, maker.account, ticker, &wanted) {
                    exchange.cancel_in_market(maker.account, ticker, at);
                    fresh.push((maker.account, ticker.clone(), wanted));
                }
            }
        }
        // All old quotes go before the first new one comes.
        for (account, ticker, wanted) in fresh {
            for (side, price, size) in wanted {
                let order = NewOrder {
                    post_only: true,
                    ..NewOrder::resting(ticker.clone(), side, size, price)
                };
                // A quote that would take, or one in a closed market, is refused; its maker comes back later.
                let _ = exchange.submit(account, order, at);
            }
        }
    }
}

impl Maker {
    /// Thinks about every check again whose opinion is old.
    fn form_opinions(
        &mut self,
        params: &BoardWalkParams,
        contracts: &BTreeMap<Ticker, Contract>,
        at: DateTime<Utc>,
    ) {
        let Some(page) = self.past.last.clone() else {
            return;
        };
        self.opinions.retain(|check, _| *check > at);
        let mut due: BTreeMap<DateTime<Utc>, Vec<&Contract>> = BTreeMap::new();
        for contract in contracts.values().filter(|contract| contract.check > at) {
            due.entry(contract.check).or_default().push(contract);
        }
        due.retain(|check, listed| {
            self.opinions.get(check).is_none_or(|opinion| {
                at - opinion.formed_at >= OPINION_LASTS || opinion.of.len() != listed.len()
            })
        });
        if due.is_empty() {
            return;
        }
        let board = RankedBoard::new(&page.board.entries, RuleSet::default());
        let rates = ArrivalRates::of(&board, &self.past.history, at, params);
        let (walk, stays) = (BoardWalk::new(params.clone()), Persistence::over_all());
        for (check, listed) in due {
            let question = Question {
                board: &board,
                history: &self.past.history,
                rates: &rates,
                at,
                horizon: check - at,
                arrivals: 1.0,
            };
            let Some(walked) = forecast(&walk, &question) else {
                continue;
            };
            let stayed = forecast(&stays, &question);
            let of = listed
                .into_iter()
                .map(|contract| {
                    let fair = best(&walked, stayed.as_ref(), &contract.claim);
                    (contract.market.ticker.clone(), fair)
                })
                .collect();
            self.opinions.insert(check, Opinion { formed_at: at, of });
        }
    }
}

/// By how much the news change what is thought of every contract: its odds by its factor, so that all of an event still add
/// up to one.
fn tilts(
    news: &mut News,
    opinions: &BTreeMap<DateTime<Utc>, Opinion>,
    contracts: &BTreeMap<Ticker, Contract>,
    at: DateTime<Utc>,
) -> BTreeMap<Ticker, f64> {
    let mut tilts = BTreeMap::new();
    if !news.is_any() {
        return tilts;
    }
    for (check, opinion) in opinions {
        for models in [true, false] {
            let of_event: Vec<(&Ticker, f64, f64)> = opinion
                .of
                .iter()
                .filter_map(|(ticker, fair)| Some((ticker, *fair, &contracts.get(ticker)?.claim)))
                .filter(|(_, _, claim)| matches!(claim, Claim::Model { .. }) == models)
                .map(|(ticker, fair, claim)| (ticker, fair, news.factor(*check, claim, at)))
                .collect();
            let listed: f64 = of_event.iter().map(|(_, fair, _)| fair).sum();
            let raised: f64 = of_event.iter().map(|(_, fair, factor)| fair * factor).sum();
            // Of what has no contract there is no news.
            let all = raised + (1.0 - listed).max(0.0);
            tilts.extend(
                of_event
                    .iter()
                    .map(|(ticker, _, factor)| ((*ticker).clone(), factor / all)),
            );
        }
    }
    tilts
}

/// The best estimate that is known: the board walk, for labs pooled half and half with how often leaders stay.
fn best(walked: &Forecast<'_>, stayed: Option<&Forecast<'_>>, claim: &Claim) -> f64 {
    let own = walked.probability(claim);
    match (claim, stayed) {
        (Claim::Organization { .. }, Some(stayed)) => {
            let odds = f64::midpoint(log_odds(own), log_odds(stayed.probability(claim)));
            1.0 / (1.0 + (-odds).exp())
        }
        _ => own,
    }
}

fn log_odds(probability: f64) -> f64 {
    let clipped = probability.clamp(0.005, 0.995);
    (clipped / (1.0 - clipped)).ln()
}

fn moved(fair: f64, by: f64) -> f64 {
    let odds = log_odds(fair) + by;
    (1.0 / (1.0 + (-odds).exp())).clamp(QUOTED.0, QUOTED.1)
}

/// What a maker adds to the log odds of a contract for some hours; not all contracts change at the same moment.
fn mood(seed: u64, terms: &Terms, maker: usize, ticker: &Ticker, at: DateTime<Utc>) -> f64 {
    let name = ticker.to_string();
    let own_time = at.timestamp() + 1_117 * name.bytes().map(i64::from).sum::<i64>();
    let period = own_time.div_euclid(MOOD_LASTS);
    // One mood for all makers and a part of it for each: else the better of two quotes would be nearer than either.
    let common = around_zero(&mut chance(seed, &format!("mood {name} {period}")));
    let own = around_zero(&mut chance(seed, &format!("mood {name} {period} {maker}")));
    terms.mood * (common + 0.3 * own)
}

/// What a maker wants on the book: whole cents, rounded away from its opinion.
fn wanted(terms: &Terms, fair: f64) -> Vec<(BookSide, Price, Contracts)> {
    #[expect(clippy::cast_possible_truncation, reason = "a probability times ten thousand")]
    let raw = (fair * 10_000.0).round() as i64;
    let quote = |side: BookSide, away: i64, size: u32| {
        let cents = match side {
            BookSide::Bid => (raw - away).div_euclid(100),
            BookSide::Ask => -((-(raw + away)).div_euclid(100)),
        };
        let price = (1..100)
            .contains(&cents)
            .then(|| Price::from_cents(cents))
            .flatten()?;
        Some((side, price, Contracts::whole(size)))
    };
    [BookSide::Bid, BookSide::Ask]
        .into_iter()
        .flat_map(|side| {
            terms
                .quotes
                .iter()
                .filter_map(move |(away, size)| quote(side, *away, *size))
        })
        .collect()
}

fn stands(
    exchange: &Exchange,
    maker: AccountId,
    ticker: &Ticker,
    wanted: &[(BookSide, Price, Contracts)],
) -> bool {
    let mut count = 0;
    for order in exchange.resting(maker, ticker) {
        let as_wanted = wanted.iter().any(|(side, price, size)| {
            *side == order.asked.side && *price == order.asked.price && *size == order.remaining
        });
        if !as_wanted {
            return false;
        }
        count += 1;
    }
    count == wanted.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Regime;

    #[test]
    fn quotes_lie_on_whole_cents_around_the_opinion_and_inside_the_prices() {
        let terms = Regime::Slow.terms();
        for percent in 1..100 {
            let fair = f64::from(percent) / 100.0;
            for (side, price, _) in wanted(&terms, fair) {
                assert_eq!(price.raw() % 100, 0);
                match side {
                    BookSide::Bid => assert!(price.probability() <= fair - 0.0099, "{price} for {fair}"),
                    BookSide::Ask => assert!(price.probability() >= fair + 0.0099, "{price} for {fair}"),
                }
            }
        }
    }

    #[test]
    fn moods_are_the_same_for_the_same_seed_and_of_the_stated_size() {
        let terms = Regime::Thin.terms();
        let at = DateTime::UNIX_EPOCH;
        let of = |number: usize| {
            mood(
                7,
                &terms,
                0,
                &format!("KXTOPMODEL-C{number}").parse().unwrap(),
                at,
            )
        };
        let moods: Vec<f64> = (0..2_000).map(of).collect();
        assert_eq!(moods[5].to_bits(), of(5).to_bits());
        let spread = (moods.iter().map(|m| m * m).sum::<f64>() / 2_000.0).sqrt();
        let expected = terms.mood * (1.0_f64 + 0.09).sqrt();
        assert!((spread / expected - 1.0).abs() < 0.06, "{spread} for {expected}");
    }
}
