//! What becomes of an entry that rests, given everything that was found out about its contract.

use autotrader_domain::{Action, Order, Reason};

use super::budget::Budget;
use super::contract::{Assessment, Scene};
use super::decide::{Decision, size};
use super::growth::Wishes;
use crate::resting::{self, Life, Wanted};

/// Judges a resting entry; the reasons of its contract then say what was decided and why.
///
/// Nothing is placed here: as long as the order is not finished it is the contract's one order.
pub(super) fn tend<'a>(
    scene: &Scene<'a>,
    order: &Order,
    assessment: &mut Assessment<'a>,
    budget: &Budget<'a>,
    wishes: &Wishes<'_>,
) -> (Life, Decision) {
    let params = scene.params;
    let wanted = wanted(scene, order, assessment, budget, wishes);
    let life = resting::life(
        order,
        &wanted,
        assessment.resting_edge,
        scene.min_edge,
        scene.view.at,
        &params.resting,
    );
    let told = match life {
        Life::Keep => Reason::OrderRests,
        Life::Renew | Life::Reprice | Life::Resize => Reason::OrderRefreshed,
        Life::MakeWay => Reason::MakesWay,
        Life::Withdraw(reason) => reason,
    };
    // What was decided comes first, what else stands against an entry after it.
    assessment.reasons.retain(|reason| *reason != told);
    assessment.reasons.insert(0, told);
    let open = order.open_contracts();
    let target = match life {
        Life::Withdraw(_) => Some(assessment.net),
        _ => assessment.net.after(order.intent.side, open),
    };
    let decision = Decision {
        action: Action::Hold,
        target,
        entry: None,
    };
    (life, decision)
}

/// What the contract's entry should be now, as if the resting order were not there.
fn wanted<'a>(
    scene: &Scene<'a>,
    order: &Order,
    assessment: &Assessment<'a>,
    budget: &Budget<'a>,
    wishes: &Wishes<'_>,
) -> Wanted {
    if assessment.exit.is_some() {
        return Wanted::Immediate;
    }
    if let Some(reason) = assessment.reasons.first() {
        return Wanted::Nothing(*reason);
    }
    let (Some(candidate), Some(book)) = (assessment.candidate, assessment.book) else {
        return Wanted::Nothing(Reason::NoDepth);
    };
    if assessment.holds_other(candidate.side) {
        return Wanted::Nothing(Reason::AtTarget);
    }
    let room = budget.room_without(order, assessment, scene.params);
    match (
        size(
            scene,
            assessment,
            candidate,
            book,
            &room,
            wishes.together(&assessment.market.ticker),
        ),
        candidate.rests_at,
    ) {
        (Err(reason), _) => Wanted::Nothing(reason),
        (Ok(_), None) => Wanted::Immediate,
        (Ok(entry), Some(limit)) => match scene.expiry(assessment) {
            None => Wanted::Nothing(Reason::TooCloseToCheck),
            Some(expires_at) => Wanted::Resting {
                side: candidate.side,
                limit,
                contracts: entry.contracts,
                expires_at,
            },
        },
    }
}
