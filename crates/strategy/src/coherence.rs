//! Prices that contradict each other, whatever anybody believes: shown, never traded.
//!
//! Three combinations at the best prices, as deep as the thinnest of them, after the exact fees of that size:
//! - one contract of each claim of an event sold: at most one pays, so what the bids exceed a dollar by is kept;
//! - an organisation bought, its models sold: whichever model wins, the organisation pays for it;
//! - an organisation sold, its models bought: a model of it without a contract costs a dollar, so the probability of that is
//!   taken off.
//!
//! Buying one of each claim is none of them: a model that has no contract can win.

use std::collections::BTreeMap;

use autotrader_domain::{
    Book, Claim, CoherenceFinding, CoherenceKind, Contracts, EventTicker, Level, Market, MarketStatus,
    MarketView, Money,
};
use autotrader_settlement::RuleSet;
use chrono::{DateTime, Utc};

use crate::edge::{FeeTerms, count};
use crate::evaluate::Terms;
use crate::guards;
use crate::params::Params;

/// A best price with its depth, and what taking it costs.
#[derive(Debug, Clone, Copy)]
pub struct Leg {
    /// The YES price and the contracts there.
    pub level: Level,
    /// The fees.
    pub fees: FeeTerms,
}

/// What a combination earns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combination {
    /// How many sets the thinnest leg has depth for.
    pub sets: Contracts,
    /// Dollars a set before fees.
    pub gross: f64,
    /// Dollars a set after fees.
    pub net: f64,
    /// What a set costs, given back at settlement.
    pub capital: Money,
}

/// What selling one contract of each of some exclusive claims earns; `None` with fewer than two, or when fees are not priced.
#[must_use]
pub fn sell_each(bids: &[Leg]) -> Option<Combination> {
    (bids.len() >= 2)
        .then(|| combine(&[], bids, Money::dollars(1)))
        .flatten()
}

/// What buying an organisation at its ask and selling its models at their bids earns; `None` without models, or when fees
/// are not priced.
#[must_use]
pub fn buy_organization(ask: Leg, models: &[Leg]) -> Option<Combination> {
    (!models.is_empty())
        .then(|| combine(&[ask], models, Money::ZERO))
        .flatten()
}

/// What selling an organisation at its bid and buying its models at their asks earns, a model without a contract winning
/// with probability `other`; `None` without models, or when fees are not priced.
#[must_use]
pub fn sell_organization(bid: Leg, models: &[Leg], other: f64) -> Option<Combination> {
    if models.is_empty() {
        return None;
    }
    let mut found = combine(models, &[bid], Money::ZERO)?;
    found.net -= other;
    Some(found)
}

/// Buys and sells one of each; `owed` is paid out a set in the end, beyond what the bought legs pay for.
fn combine(bought: &[Leg], sold: &[Leg], owed: Money) -> Option<Combination> {
    let legs = || bought.iter().chain(sold);
    let sets = legs().map(|leg| leg.level.size).min()?.floor_whole();
    if sets.is_zero() {
        return None;
    }
    let one = Contracts::whole(1);
    let (mut gross, mut capital, mut fees) = (owed.negated(), Money::ZERO, Money::ZERO);
    for leg in bought {
        let price = leg.level.price.times(one)?;
        gross = gross.checked_sub(price)?;
        capital = capital.checked_add(price)?;
    }
    for leg in sold {
        gross = gross.checked_add(leg.level.price.times(one)?)?;
        // Selling YES is buying NO.
        capital = capital.checked_add(leg.level.price.complement().times(one)?)?;
    }
    for leg in legs() {
        fees = fees.checked_add(leg.fees.taker(leg.level.price, sets)?)?;
    }
    let gross = gross.to_f64();
    Some(Combination {
        sets,
        gross,
        net: gross - fees.to_f64() / count(sets),
        capital,
    })
}

/// A contract that may be compared: open, known, with a fresh book.
#[derive(Debug, Clone, Copy)]
struct Quoted<'a> {
    claim: &'a Claim,
    event: &'a EventTicker,
    book: &'a Book,
    fees: FeeTerms,
}

impl Quoted<'_> {
    fn bid(&self) -> Option<Leg> {
        self.leg(self.book.best_bid()?)
    }

    fn ask(&self) -> Option<Leg> {
        self.leg(self.book.best_ask()?)
    }

    const fn leg(&self, level: Level) -> Option<Leg> {
        Some(Leg {
            level,
            fees: self.fees,
        })
    }
}

/// Contracts that are decided by one check under one rule set, by claim.
type Check<'a> = BTreeMap<&'a Claim, Quoted<'a>>;

/// Every combination that the books allow, whether it earns or not, in a fixed order.
///
/// `probability` says how probable a claim is at a check under a rule set; where it cannot, the combination that needs it is
/// left out.
pub(crate) fn combinations(
    view: &MarketView<'_>,
    params: &Params,
    probability: impl Fn(RuleSet, DateTime<Utc>, &Claim) -> Option<f64>,
) -> Vec<CoherenceFinding> {
    let mut found = Vec::new();
    for ((rules, at), contracts) in &checks(view, params) {
        let mut events: BTreeMap<&EventTicker, Vec<Leg>> = BTreeMap::new();
        for contract in contracts.values() {
            events.entry(contract.event).or_default().extend(contract.bid());
        }
        for (event, bids) in events {
            let sold = sell_each(&bids);
            found.extend(sold.map(|sold| finding(CoherenceKind::BidsAboveOne, event, None, sold)));
        }
        let likely = |claim: &Claim| probability(*rules, *at, claim);
        for contract in contracts.values() {
            found.extend(across(contract, contracts, &likely));
        }
    }
    found
}

fn checks<'a>(view: &MarketView<'a>, params: &Params) -> BTreeMap<(RuleSet, DateTime<Utc>), Check<'a>> {
    let mut checks: BTreeMap<_, Check<'a>> = BTreeMap::new();
    for market in view.markets.values() {
        let Some((terms, contract)) = quoted(view, market, params) else {
            continue;
        };
        // A second contract of one claim excludes nothing: the first is compared.
        let check = checks.entry((terms.rules, terms.check_time)).or_default();
        check.entry(terms.claim).or_insert(contract);
    }
    checks
}

fn quoted<'a>(view: &MarketView<'a>, market: &'a Market, params: &Params) -> Option<(Terms<'a>, Quoted<'a>)> {
    let mapping = view.mappings.get(&market.ticker)?;
    let terms = Terms::of(Some(mapping))?;
    let book = guards::fresh_book(view.books.get(&market.ticker), view.at, &params.guards).ok()?;
    let usable = market.status == MarketStatus::Active && mapping.state.may_enter();
    usable.then_some((
        terms,
        Quoted {
            claim: terms.claim,
            event: &market.event,
            book,
            fees: FeeTerms {
                schedule: market.fees,
                rounding: params.fee_rounding,
            },
        },
    ))
}

/// An organisation against its models.
fn across(
    contract: &Quoted<'_>,
    contracts: &Check<'_>,
    likely: &impl Fn(&Claim) -> Option<f64>,
) -> Vec<CoherenceFinding> {
    let Claim::Organization { organization } = contract.claim else {
        return Vec::new();
    };
    let models: Vec<&Quoted<'_>> = contracts
        .values()
        .filter(|other| {
            matches!(other.claim, Claim::Model { .. }) && other.claim.organization() == Some(organization)
        })
        .collect();
    let with = |kind, found: Option<Combination>| {
        found.map(|found| finding(kind, contract.event, Some(organization), found))
    };
    let bids: Vec<Leg> = models.iter().filter_map(|model| model.bid()).collect();
    let superset = contract.ask().and_then(|ask| buy_organization(ask, &bids));
    // Only what is bought is covered: a model nobody offers is a risk like one without a contract.
    let (asks, bought): (Vec<Leg>, Vec<&Claim>) = models
        .iter()
        .filter_map(|model| Some((model.ask()?, model.claim)))
        .unzip();
    let covered: Option<f64> = bought.into_iter().map(likely).sum();
    let uncovered = likely(contract.claim)
        .zip(covered)
        .map(|(all, covered)| (all - covered).max(0.0));
    let subset = contract
        .bid()
        .zip(uncovered)
        .and_then(|(bid, other)| sell_organization(bid, &asks, other));
    with(CoherenceKind::OrganizationUnderItsModels, superset)
        .into_iter()
        .chain(with(CoherenceKind::ModelsUnderTheirOrganization, subset))
        .collect()
}

fn finding(
    kind: CoherenceKind,
    event: &EventTicker,
    organization: Option<&str>,
    found: Combination,
) -> CoherenceFinding {
    CoherenceFinding {
        kind,
        event: event.clone(),
        organization: organization.map(str::to_owned),
        sets: found.sets,
        gross: found.gross,
        net: found.net,
        capital: found.capital,
    }
}

#[cfg(test)]
mod tests {
    use autotrader_domain::{FeeRounding, FeeSchedule, FeeType};

    use super::*;

    fn legs(prices: &[&str], size: &str) -> Vec<Leg> {
        let leg = |price: &&str| Leg {
            level: Level {
                price: price.parse().unwrap(),
                size: size.parse().unwrap(),
            },
            fees: FeeTerms {
                schedule: FeeSchedule::QUADRATIC,
                rounding: FeeRounding::Cent,
            },
        };
        prices.iter().map(leg).collect()
    }

    #[track_caller]
    fn cents(found: Option<Combination>, gross: f64, net: f64) -> Combination {
        let found = found.unwrap();
        assert!((100.0 * found.gross - gross).abs() < 1e-9, "{found:?}");
        assert!((100.0 * found.net - net).abs() < 0.005, "{found:?}");
        found
    }

    #[test]
    fn bids_above_a_dollar_are_sold() {
        let found = cents(
            sell_each(&legs(&["0.74", "0.06", "0.05", "0.20"], "100")),
            5.0,
            1.79,
        );
        assert_eq!(found.capital, "2.95".parse().unwrap());
        assert_eq!(found.sets, Contracts::whole(100));
    }

    #[test]
    fn an_organisation_against_its_models_both_ways() {
        let (bid, ask) = (legs(&["0.93"], "100"), legs(&["0.95"], "100"));
        let (bids, asks) = (
            legs(&["0.75", "0.16", "0.06"], "100"),
            legs(&["0.76", "0.10", "0.03"], "100"),
        );
        cents(sell_organization(bid[0], &asks, 0.0), 4.0, 1.42);
        cents(sell_organization(bid[0], &asks, 0.03), 4.0, -1.58);
        cents(buy_organization(ask[0], &bids), 2.0, -1.01);
    }

    #[test]
    fn the_thinnest_leg_bounds_the_sets() {
        let mut bids = legs(&["0.70", "0.40"], "100");
        bids[1].level.size = "7.90".parse().unwrap();
        assert_eq!(sell_each(&bids).unwrap().sets, Contracts::whole(7));
        bids[1].level.size = "0.90".parse().unwrap();
        assert_eq!(sell_each(&bids), None, "less than one set");
    }

    #[test]
    fn nothing_is_combined_of_one_leg_or_without_a_price_for_its_fee() {
        assert_eq!(sell_each(&legs(&["0.99"], "100")), None);
        assert_eq!(buy_organization(legs(&["0.10"], "1")[0], &[]), None);
        assert_eq!(sell_organization(legs(&["0.90"], "1")[0], &[], 0.0), None);
        let mut bids = legs(&["0.70", "0.40"], "100");
        bids[0].fees.schedule.fee_type = FeeType::Unsupported;
        assert_eq!(sell_each(&bids), None);
    }
}
