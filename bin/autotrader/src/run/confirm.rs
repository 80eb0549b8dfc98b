//! Whether what an operator asked for is done: judged by what the exchange lists, never by what we believe. Pure.

use std::collections::BTreeSet;

use autotrader_domain::ports::{AccountSnapshot, VenueOrder};
use autotrader_domain::{ClientOrderId, Command, OrderState, Portfolio};
use autotrader_engine::{FlattenStage, FlattenStep, Flattening};
use chrono::{DateTime, Utc};

/// What a judgement rests on.
pub(crate) struct Evidence<'a> {
    /// The account as the venue lists it.
    pub(crate) snapshot: &'a AccountSnapshot,
    /// The account as our books have it.
    pub(crate) portfolio: &'a Portfolio,
    /// How the last flatten stands.
    pub(crate) flattening: Option<&'a Flattening>,
    /// Whether a flatten waits for the markets to be known.
    pub(crate) flatten_waits: bool,
    /// What the ids of this program's orders start with.
    pub(crate) id_prefix: &'a str,
    /// When the command was taken up.
    pub(crate) acted_at: DateTime<Utc>,
    /// The orders that were open then.
    pub(crate) asked_of: &'a BTreeSet<ClientOrderId>,
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done.
    Confirmed(String),
    /// Not yet, because of this.
    NotYet(String),
    /// It cannot be done.
    Impossible(String),
}

/// Whether a command is done.
pub(crate) fn judge(command: &Command, evidence: &Evidence<'_>) -> Verdict {
    if evidence
        .snapshot
        .as_of
        .is_some_and(|as_of| as_of < evidence.acted_at)
    {
        return Verdict::NotYet("the exchange's listing is older than the command".to_owned());
    }
    match command {
        Command::Flatten { .. } => flatten(evidence),
        Command::CancelAll { .. } => gone(
            evidence,
            |order| is_of(order, evidence.asked_of),
            |id| evidence.asked_of.contains(id),
            "none of the orders that were open rests any more",
        ),
        Command::CancelAccount { .. } => gone(
            evidence,
            |_| true,
            |id| evidence.asked_of.contains(id),
            "no order rests on the account",
        ),
        Command::Halt { .. } => gone(
            evidence,
            |order| is_ours(order, evidence.id_prefix),
            |_| true,
            "no order of ours rests",
        ),
        // Nothing at the exchange shows these.
        Command::Reduce { .. }
        | Command::Resume { .. }
        | Command::ResolveUnknown { .. }
        | Command::Reconcile
        | Command::Approve { .. } => Verdict::Confirmed("in force".to_owned()),
    }
}

fn gone(
    evidence: &Evidence<'_>,
    listed: impl Fn(&VenueOrder) -> bool,
    booked: impl Fn(&ClientOrderId) -> bool,
    done: &str,
) -> Verdict {
    let resting = resting(evidence.snapshot, listed);
    if !resting.is_empty() {
        return Verdict::NotYet(format!("still on the book: {}", resting.join(", ")));
    }
    let mut open = evidence.portfolio.open_orders.values();
    match open.find(|order| booked(&order.client_order_id)) {
        Some(order) => Verdict::NotYet(format!(
            "what became of {} on {} is not known yet ({})",
            order.client_order_id,
            order.intent.ticker,
            order.state.as_str()
        )),
        None => Verdict::Confirmed(done.to_owned()),
    }
}

fn flatten(evidence: &Evidence<'_>) -> Verdict {
    if evidence.flatten_waits {
        return Verdict::NotYet("the markets are not known yet".to_owned());
    }
    let Some(flattening) = evidence.flattening else {
        return Verdict::Impossible("the flatten was forgotten by a restart; ask for it again".to_owned());
    };
    match flattening.stage {
        FlattenStage::Working => Verdict::NotYet(left(flattening)),
        FlattenStage::Impossible => Verdict::Impossible(left(flattening)),
        FlattenStage::Flat => {
            let held: Vec<String> = evidence
                .snapshot
                .positions
                .iter()
                .filter(|(_, net)| !net.is_flat())
                .map(|(ticker, net)| format!("{ticker}: {net}"))
                .collect();
            if !held.is_empty() {
                return Verdict::NotYet(format!("the exchange still lists {}", held.join(", ")));
            }
            gone(
                evidence,
                |order| is_ours(order, evidence.id_prefix),
                |_| true,
                "the exchange lists no position and no order of ours",
            )
        }
    }
}

/// What a flatten has not closed, contract by contract with the reason.
pub(crate) fn left(flattening: &Flattening) -> String {
    let words: Vec<String> = flattening
        .remaining()
        .map(|(ticker, leg)| format!("{ticker}: {} left, {}", leg.left, step(&leg.step)))
        .collect();
    if words.is_empty() {
        "nothing is left".to_owned()
    } else {
        words.join("; ")
    }
}

fn step(step: &FlattenStep) -> String {
    match step {
        FlattenStep::Cancelling { client_order_id } => format!("cancelling our order {client_order_id}"),
        FlattenStep::Closing { client_order_id } => format!("closing with order {client_order_id}"),
        FlattenStep::Waiting { obstacle, .. } => format!("waiting: {obstacle}"),
        FlattenStep::Impossible { obstacle } => obstacle.to_string(),
        FlattenStep::Closed => "closed".to_owned(),
    }
}

fn resting(snapshot: &AccountSnapshot, wanted: impl Fn(&VenueOrder) -> bool) -> Vec<String> {
    let rests = |order: &&VenueOrder| {
        matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled) && wanted(order)
    };
    let name = |order: &VenueOrder| {
        let id = order.client_order_id.as_deref();
        id.unwrap_or_else(|| order.venue_order_id.as_str()).to_owned()
    };
    snapshot.orders.iter().filter(rests).map(name).collect()
}

fn is_ours(order: &VenueOrder, prefix: &str) -> bool {
    order
        .client_order_id
        .as_deref()
        .is_some_and(|id| id.starts_with(prefix))
}

fn is_of(order: &VenueOrder, ids: &BTreeSet<ClientOrderId>) -> bool {
    let id = order.client_order_id.as_deref();
    id.is_some_and(|id| ids.iter().any(|asked| asked.as_str() == id))
}

#[cfg(test)]
mod tests {
    use autotrader_domain::{Contracts, Net, VenueOrderId};
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn rests(id: Option<&str>) -> VenueOrder {
        VenueOrder {
            venue_order_id: "v-1".parse::<VenueOrderId>().unwrap(),
            client_order_id: id.map(str::to_owned),
            ticker: "T-1".parse().unwrap(),
            state: OrderState::Resting,
            filled: Contracts::ZERO,
            remaining: Contracts::whole(1),
        }
    }

    fn verdict(command: &Command, snapshot: &AccountSnapshot, asked_of: &[&str]) -> Verdict {
        let asked_of = asked_of.iter().map(|id| id.parse().unwrap()).collect();
        judge(
            command,
            &Evidence {
                snapshot,
                portfolio: &Portfolio::default(),
                flattening: None,
                flatten_waits: false,
                id_prefix: "kat1-",
                acted_at: at(10),
                asked_of: &asked_of,
            },
        )
    }

    fn listing(as_of: i64, orders: Vec<VenueOrder>) -> AccountSnapshot {
        AccountSnapshot {
            as_of: Some(at(as_of)),
            orders,
            ..AccountSnapshot::default()
        }
    }

    #[test]
    fn each_command_waits_for_its_own_orders() {
        let reason = || "a test".to_owned();
        let halt = Command::Halt { reason: reason() };
        let all = Command::CancelAll { reason: reason() };
        let account = Command::CancelAccount { reason: reason() };
        // Whose order rests: one that was open then, a later one of ours, a stranger's.
        for (id, halted, canceled, emptied) in [
            (Some("kat1-then"), false, false, false),
            (Some("kat1-later"), false, true, false),
            (Some("by-hand"), true, true, false),
            (None, true, true, false),
        ] {
            let snapshot = listing(11, vec![rests(id)]);
            for (command, done) in [(&halt, halted), (&all, canceled), (&account, emptied)] {
                let found = verdict(command, &snapshot, &["kat1-then"]);
                assert_eq!(
                    matches!(found, Verdict::Confirmed(_)),
                    done,
                    "{id:?} {command:?}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_listed_from_before_the_command_proves_nothing() {
        let halt = Command::Halt {
            reason: "a test".into(),
        };
        let old = verdict(&halt, &listing(9, Vec::new()), &[]);
        assert!(matches!(old, Verdict::NotYet(_)), "{old:?}");
        let new = verdict(&halt, &listing(10, Vec::new()), &[]);
        assert!(matches!(new, Verdict::Confirmed(_)), "{new:?}");
    }

    #[test]
    fn an_order_that_no_longer_rests_is_no_obstacle() {
        let halt = Command::Halt {
            reason: "a test".into(),
        };
        for state in [OrderState::Canceled, OrderState::Filled] {
            let order = VenueOrder {
                state,
                ..rests(Some("kat1-a"))
            };
            let found = verdict(&halt, &listing(11, vec![order]), &[]);
            assert!(matches!(found, Verdict::Confirmed(_)), "{found:?}");
        }
    }

    #[test]
    fn a_flatten_is_forgotten_by_a_restart_and_needs_the_exchanges_word() {
        let flatten = Command::Flatten {
            reason: "a test".into(),
        };
        let forgotten = verdict(&flatten, &listing(11, Vec::new()), &[]);
        assert!(matches!(forgotten, Verdict::Impossible(_)), "{forgotten:?}");
        let snapshot = AccountSnapshot {
            positions: vec![("T-1".parse().unwrap(), Net::from_raw(100).unwrap())],
            ..listing(11, Vec::new())
        };
        let flat: Flattening = serde_json::from_value(serde_json::json!({
            "reason": "a test", "asked_at": at(10), "stage": "flat", "legs": {},
        }))
        .unwrap();
        let asked_of = BTreeSet::new();
        let mut evidence = Evidence {
            snapshot: &snapshot,
            portfolio: &Portfolio::default(),
            flattening: Some(&flat),
            flatten_waits: false,
            id_prefix: "kat1-",
            acted_at: at(10),
            asked_of: &asked_of,
        };
        match judge(&flatten, &evidence) {
            Verdict::NotYet(why) => assert!(why.contains("T-1"), "{why}"),
            other => panic!("{other:?}"),
        }
        let empty = listing(11, Vec::new());
        evidence.snapshot = &empty;
        assert!(matches!(judge(&flatten, &evidence), Verdict::Confirmed(_)));
    }
}
