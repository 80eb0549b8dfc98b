//! How many contracts are wanted, decided for all contracts of a check together.
//!
//! Both series of one check are one bet: the states of the world are its winners, and every contract pays in some of them. Of
//! wealth only the configured fraction is put at risk, so that from no position the sizes are that fraction of the
//! growth-optimal ones; and of that as much is left in every state as the worst one may not lose. What is held counts in every state at what it pays there
//! less what it is worth now; so what has been bought is not bought again.

use std::collections::BTreeMap;

use autotrader_domain::{Book, BookSide, Claim, Money, Order, Purpose, Ticker};
use autotrader_settlement::RuleSet;
use chrono::{DateTime, Utc};

use super::contract::{Assessment, Candidate, Scene, Terms};
use crate::edge::{count, level_edge, outcome_probability};
use crate::kelly::{Offer, OfferLevel, States, growth_optimal};
use crate::resting;
use crate::states::WinnerStates;

/// More contracts than any order or book has: a resting order is not bound by depth.
const ANY_SIZE: f64 = 1e7;

/// Contracts wanted beyond those held.
#[derive(Debug, Default)]
pub(super) struct Wishes<'a> {
    /// Of what may be entered, all together.
    together: BTreeMap<&'a Ticker, f64>,
    /// Of what something forbids, each as if it alone were entered.
    alone: BTreeMap<&'a Ticker, f64>,
}

impl Wishes<'_> {
    pub(super) fn together(&self, ticker: &Ticker) -> f64 {
        self.together.get(ticker).copied().unwrap_or(0.0)
    }

    pub(super) fn alone(&self, ticker: &Ticker) -> f64 {
        self.alone.get(ticker).copied().unwrap_or(0.0)
    }
}

type Check = (RuleSet, DateTime<Utc>);

/// The contracts of one check.
struct Bet<'s, 'a> {
    scene: &'s Scene<'a>,
    members: Vec<(&'s Assessment<'a>, Terms<'a>)>,
    states: WinnerStates,
    /// Dollars put at risk.
    at_risk: f64,
    /// Dollars of them that must be left in the worst state.
    floor: f64,
}

/// Decides how many contracts are wanted of every candidate.
pub(super) fn wishes<'a>(scene: &Scene<'a>, assessed: &[Assessment<'a>], wealth: Money) -> Wishes<'a> {
    let mut checks: BTreeMap<Check, Vec<(&Assessment<'a>, Terms<'a>)>> = BTreeMap::new();
    for assessment in assessed {
        if let Some(terms) = assessment.terms {
            checks
                .entry((terms.rules, terms.check_time))
                .or_default()
                .push((assessment, terms));
        }
    }
    let mut wishes = Wishes::default();
    for members in checks.into_values() {
        // Only where something is worth buying are the states worth looking at.
        if members
            .iter()
            .any(|(assessment, _)| scene.worth(assessment).is_some())
            && let Some(bet) = Bet::new(scene, members, wealth)
        {
            bet.size(&mut wishes);
        }
    }
    wishes
}

impl<'s, 'a> Bet<'s, 'a> {
    fn new(
        scene: &'s Scene<'a>,
        members: Vec<(&'s Assessment<'a>, Terms<'a>)>,
        wealth: Money,
    ) -> Option<Self> {
        let (_, terms) = members.first()?;
        let outlook = scene.outlook(*terms)?;
        let claims = members.iter().map(|(_, terms)| terms.claim);
        let mut states = WinnerStates::of(claims, outlook.central());
        // What may be bought is fitted last: its own probability holds to the last digit.
        let margin =
            |(assessment, terms): &(&'s Assessment<'a>, Terms<'a>)| Some((terms.claim, assessment.pooled?));
        let (offered, rest): (Vec<_>, Vec<_>) = members
            .iter()
            .partition(|(assessment, _)| assessment.may_enter() && assessment.candidate.is_some());
        let mut margins: Vec<(&Claim, f64)> = rest.into_iter().filter_map(margin).collect();
        margins.extend(
            offered
                .into_iter()
                .filter_map(|(assessment, terms)| Some((terms.claim, assessment.candidate?.yes))),
        );
        states.fit(&margins);
        let sizing = &scene.params.sizing;
        let at_risk = sizing.kelly_fraction * wealth.to_f64();
        Some(Self {
            scene,
            members,
            states,
            at_risk,
            floor: at_risk - sizing.max_worst_state_loss.to_f64(),
        })
    }

    fn size(&self, wishes: &mut Wishes<'a>) {
        let worth = |(assessment, terms): &(&Assessment<'a>, Terms<'a>)| {
            let (candidate, book) = self.scene.worth(assessment)?;
            let offer = self.offer(assessment, *terms, candidate, book)?;
            Some((&assessment.market.ticker, assessment.may_enter(), offer))
        };
        let (allowed, forbidden): (Vec<_>, Vec<_>) = self
            .members
            .iter()
            .filter_map(worth)
            .partition(|(_, allowed, _)| *allowed);
        let at_risk = States {
            probabilities: self.states.probabilities().to_vec(),
            wealth: self.wealth(),
            floor: self.floor,
        };
        let offers: Vec<Offer> = allowed.iter().map(|(_, _, offer)| offer.clone()).collect();
        let bought = growth_optimal(&at_risk, &offers);
        for ((ticker, ..), contracts) in allowed.iter().zip(bought) {
            wishes.together.insert(ticker, contracts);
        }
        for (ticker, _, offer) in forbidden {
            let alone = growth_optimal(&at_risk, &[offer]);
            wishes.alone.insert(ticker, alone.first().copied().unwrap_or(0.0));
        }
    }

    /// What is at risk in each state: what is put up, and what positions and open orders bring there.
    fn wealth(&self) -> Vec<f64> {
        let mut wealth = vec![self.at_risk; self.states.probabilities().len()];
        for (assessment, terms) in &self.members {
            let held = assessment.net.raw() as f64 / 100.0;
            if !assessment.net.is_flat() {
                // Without a price of its own the states say what it is worth.
                let worth = assessment
                    .pooled
                    .unwrap_or_else(|| self.states.margin(terms.claim));
                self.add(&mut wealth, terms.claim, held, worth);
            }
            let orders = self.scene.view.portfolio.orders_on(&assessment.market.ticker);
            for order in orders.filter(|order| counts(order, assessment)) {
                let open = count(order.open_contracts());
                let signed = if order.intent.side == BookSide::Bid {
                    open
                } else {
                    -open
                };
                self.add(&mut wealth, terms.claim, signed, order.intent.limit.probability());
            }
        }
        wealth
    }

    /// Adds a signed number of YES contracts that are worth so much each.
    fn add(&self, wealth: &mut [f64], claim: &Claim, contracts: f64, worth: f64) {
        for (wealth, pays) in wealth.iter_mut().zip(self.states.payoffs(claim)) {
            *wealth += contracts * (pays - worth);
        }
    }

    fn offer(
        &self,
        assessment: &Assessment<'a>,
        terms: Terms<'a>,
        candidate: Candidate,
        book: &Book,
    ) -> Option<Offer> {
        let (side, yes) = (candidate.side, candidate.yes);
        let fees = self.scene.fees(assessment.market);
        let levels = match candidate.rests_at {
            Some(limit) => {
                let edge = resting::maker_edge(yes, side, limit, fees)?;
                vec![OfferLevel {
                    cost: outcome_probability(side, yes) - edge,
                    size: ANY_SIZE,
                }]
            }
            None => book
                .against(side)
                .map_while(|level| {
                    let edge = level_edge(yes, side, level, fees)?;
                    (edge >= self.scene.min_edge).then(|| OfferLevel {
                        cost: outcome_probability(side, yes) - edge,
                        size: count(level.size.floor_whole()),
                    })
                })
                .collect(),
        };
        let pays = self.states.payoffs(terms.claim);
        Some(Offer {
            pays: pays
                .map(|yes| if side == BookSide::Bid { yes } else { 1.0 - yes })
                .collect(),
            levels: self.within_cap(levels, assessment),
        })
    }
}

impl<'a> Bet<'_, 'a> {
    /// Cuts levels to what the contract's cap leaves, so that what one contract may not hold is looked for in another.
    fn within_cap(&self, levels: Vec<OfferLevel>, assessment: &Assessment<'a>) -> Vec<OfferLevel> {
        let cap = self.scene.params.sizing.max_position_per_contract;
        let mut left = count(cap.saturating_sub(assessment.net.size()).floor_whole());
        levels
            .into_iter()
            .map_while(|level| {
                let size = level.size.min(left);
                left -= size;
                (size > 0.0).then_some(OfferLevel { size, ..level })
            })
            .collect()
    }
}

/// Whether an open order counts as filled; the one that is judged anew does not.
fn counts(order: &Order, assessment: &Assessment<'_>) -> bool {
    let own = assessment.resting.map(|resting| &resting.client_order_id);
    !order.state.is_terminal()
        && order.intent.purpose == Purpose::Entry
        && own != Some(&order.client_order_id)
}
