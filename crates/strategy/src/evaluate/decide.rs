//! What becomes of every contract: sizes are given out, exits first and then entries by edge, and each gets its line.

use std::collections::BTreeMap;

use autotrader_domain::{
    Action, Book, ClientOrderId, Intent, Net, Purpose, Reason, Ticker, TimeInForce, Wanted, Why,
};

use super::budget::Budget;
use super::contract::{Assessment, Candidate, Scene};
use super::growth::{self, Wishes};
use super::tending;
use crate::resting::{self, Life};
use crate::sizing::{Demand, Entry, Room, size_entry};
use crate::why;

/// What was decided on all contracts.
pub(super) struct Decided {
    pub(super) intents: Vec<Intent>,
    pub(super) withdrawn: Vec<ClientOrderId>,
    pub(super) refreshed: Vec<ClientOrderId>,
    pub(super) why: Vec<Why>,
}

/// Gives out sizes, exits first and then entries by edge, and writes one line for every contract.
pub(super) fn decide<'a>(
    strategy: &'static str,
    scene: &Scene<'a>,
    assessed: Vec<Assessment<'a>>,
) -> Decided {
    let mut budget = Budget::new(scene.view, scene.params);
    let wishes = growth::wishes(scene, &assessed, budget.wealth);
    let mut ranked: Vec<(f64, Assessment<'a>)> = assessed
        .into_iter()
        .map(|assessment| (value_of(&assessment), assessment))
        .collect();
    ranked.sort_by(|(a, first), (b, second)| {
        let exits = second.exit.is_some().cmp(&first.exit.is_some());
        exits
            .then_with(|| b.total_cmp(a))
            .then_with(|| first.market.ticker.cmp(&second.market.ticker))
    });
    let (mut intents, mut withdrawn, mut refreshed) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines: BTreeMap<&Ticker, Why> = BTreeMap::new();
    for (_, mut assessment) in ranked {
        let decision = match assessment.resting {
            Some(order) => {
                let id = order.client_order_id.clone();
                let (tended, decision) = tending::tend(scene, order, &mut assessment, &budget, &wishes);
                match tended {
                    Life::Keep => {}
                    Life::Renew | Life::Reprice | Life::Resize => refreshed.push(id),
                    Life::MakeWay | Life::Withdraw(_) => withdrawn.push(id),
                }
                decision
            }
            None => decide_one(scene, &mut assessment, &mut budget, &wishes),
        };
        intents.extend(intent(strategy, scene, &assessment, &decision));
        let wanted = wanted(scene, &assessment, &decision, &wishes);
        lines.insert(
            &assessment.market.ticker,
            line(scene, assessment, decision, wanted),
        );
    }
    Decided {
        intents,
        withdrawn,
        refreshed,
        why: lines.into_values().collect(),
    }
}

fn value_of(assessment: &Assessment<'_>) -> f64 {
    match (&assessment.exit, &assessment.candidate) {
        (Some(exit), _) => exit.advantage,
        (None, Some(candidate)) => candidate.edge,
        (None, None) => f64::NEG_INFINITY,
    }
}

/// What becomes of one contract.
pub(super) struct Decision {
    pub(super) action: Action,
    pub(super) target: Option<Net>,
    pub(super) entry: Option<(Candidate, Entry)>,
}

impl Decision {
    pub(super) const fn hold(target: Option<Net>) -> Self {
        Self {
            action: Action::Hold,
            target,
            entry: None,
        }
    }
}

fn decide_one<'a>(
    scene: &Scene<'a>,
    assessment: &mut Assessment<'a>,
    budget: &mut Budget<'a>,
    wishes: &Wishes<'_>,
) -> Decision {
    if let Some(exit) = &assessment.exit {
        return Decision {
            action: Action::Exit {
                side: exit.side,
                contracts: exit.contracts,
                limit: exit.limit,
            },
            target: assessment.net.after(exit.side, exit.contracts),
            entry: None,
        };
    }
    let (Some(candidate), Some(book), true) = (
        assessment.candidate,
        assessment.book,
        assessment.reasons.is_empty(),
    ) else {
        return Decision::hold(None);
    };
    if assessment.holds_other(candidate.side) {
        // The other outcome is held and not worth selling yet: it is kept, never hedged by the opposite one.
        assessment.reasons.push(Reason::AtTarget);
        return Decision::hold(Some(assessment.net));
    }
    let room = budget.room(assessment, scene.params);
    let more = wishes.together(&assessment.market.ticker);
    match size(scene, assessment, candidate, book, &room, more) {
        Ok(entry) => {
            budget.take(assessment, &entry);
            assessment.reasons.push(entry.bound);
            Decision {
                action: Action::Enter {
                    side: candidate.side,
                    contracts: entry.contracts,
                    limit: entry.limit,
                },
                target: assessment.net.after(candidate.side, entry.contracts),
                entry: Some((candidate, entry)),
            }
        }
        Err(reason) => {
            assessment.reasons.push(reason);
            Decision::hold((reason == Reason::AtTarget).then_some(assessment.net))
        }
    }
}

/// Sizes the better side, taking or resting.
pub(super) fn size(
    scene: &Scene<'_>,
    assessment: &Assessment<'_>,
    candidate: Candidate,
    book: &Book,
    room: &Room,
    wanted: f64,
) -> Result<Entry, Reason> {
    let demand = Demand {
        yes: candidate.yes,
        side: candidate.side,
        wanted,
        min_edge: scene.min_edge,
        min_order: scene.params.sizing.min_order,
        max_order: scene.params.sizing.max_order,
        fees: scene.fees(assessment.market),
    };
    match candidate.rests_at {
        None => size_entry(book, &demand, room),
        Some(limit) => {
            // An order that could not rest long enough to be worth it is not made.
            scene
                .expiry(assessment)
                .ok_or(Reason::TooCloseToCheck)
                .and_then(|_| resting::size_resting(limit, &demand, room))
        }
    }
}

fn intent(
    strategy: &'static str,
    scene: &Scene<'_>,
    assessment: &Assessment<'_>,
    decision: &Decision,
) -> Option<Intent> {
    let terms = assessment.terms?;
    let (side, contracts, limit, purpose) = match decision.action {
        Action::Hold => return None,
        Action::Enter {
            side,
            contracts,
            limit,
        } => (side, contracts, limit, Purpose::Entry),
        Action::Exit {
            side,
            contracts,
            limit,
        } => (side, contracts, limit, Purpose::Exit),
    };
    let figures = why::Figures {
        fair: assessment.value.map(|value| value.fair),
        market: assessment.market_probability,
        pooled: assessment.pooled,
    };
    let rests = decision
        .entry
        .as_ref()
        .is_some_and(|(candidate, _)| candidate.rests_at.is_some());
    let rationale = match (&decision.entry, &assessment.exit) {
        (Some((candidate, entry)), _) => {
            let style = if rests {
                why::Style::Rests
            } else {
                why::Style::Takes
            };
            why::entry_sentence(&figures, candidate.yes, side, entry, scene.fresh, style)
        }
        (None, Some(exit)) => why::exit_sentence(&figures, exit),
        (None, None) => return None,
    };
    let time_in_force = if rests {
        TimeInForce::GoodTillCanceled {
            // Without an end there is no order: one that outlives us is never made.
            expires_at: Some(scene.expiry(assessment)?),
        }
    } else {
        TimeInForce::ImmediateOrCancel
    };
    let edge = match (&decision.entry, &assessment.exit) {
        (Some((_, entry)), _) => entry.edge.expected(),
        (None, Some(exit)) => exit.expected(),
        (None, None) => return None,
    };
    Some(Intent {
        ticker: assessment.market.ticker.clone(),
        event: assessment.market.event.clone(),
        series: assessment.market.series.clone(),
        claim: terms.claim.clone(),
        side,
        contracts,
        limit,
        time_in_force,
        purpose,
        fees: assessment.market.fees,
        check_time: terms.check_time,
        post_only: rests,
        edge,
        strategy: strategy.to_owned(),
        rationale,
    })
}

/// What would be entered had nothing forbidden it: sized by itself, with room for all of it. `None` where it is entered.
fn wanted(
    scene: &Scene<'_>,
    assessment: &Assessment<'_>,
    decision: &Decision,
    wishes: &Wishes<'_>,
) -> Option<Wanted> {
    // An order of ours that is under way is what was wanted.
    let under_way = assessment.resting.is_some() || assessment.reasons.contains(&Reason::OrderInFlight);
    if decision.entry.is_some() || under_way {
        return None;
    }
    let (candidate, book) = scene.worth(assessment)?;
    let ticker = &assessment.market.ticker;
    let more = wishes.alone(ticker).max(wishes.together(ticker));
    let entry = size(scene, assessment, candidate, book, &Room::UNBOUND, more).ok()?;
    Some(Wanted {
        side: candidate.side,
        contracts: entry.contracts,
        limit: entry.limit,
        cost: entry.edge.cost,
        fees: entry.edge.fees,
    })
}

fn line(scene: &Scene<'_>, assessment: Assessment<'_>, decision: Decision, wanted: Option<Wanted>) -> Why {
    let edge = match (&decision.entry, &assessment.exit, &assessment.candidate) {
        (Some((_, entry)), _, _) => Some(entry.edge.per_contract),
        (None, Some(exit), _) => Some(exit.advantage),
        (None, None, candidate) => candidate.map(|candidate| candidate.edge),
    };
    let mut reasons = assessment.reasons.into_iter();
    Why {
        ticker: assessment.market.ticker.clone(),
        at: scene.view.at,
        fair: assessment.value.map(|value| value.fair),
        market: assessment.market_probability,
        pooled: assessment.pooled,
        edge,
        target: decision.target,
        position: assessment.net,
        action: decision.action,
        reason: reasons.next(),
        next_reason: reasons.next(),
        baselines: assessment.baselines,
        wanted,
    }
}
