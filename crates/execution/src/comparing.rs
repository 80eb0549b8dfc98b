//! Our books against a snapshot of the venue's, item by item. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use autotrader_domain::ports::{AccountSnapshot, VenueOrder};
use autotrader_domain::{Money, Net, OrderState, Ticker};
use chrono::TimeDelta;
use serde::Serialize;

use crate::tracker::Tracker;
use crate::{AccountBooks, Life};

/// One thing that was held against the venue's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// What was compared: `cash`, `position TICKER`, `order ID`, `fills`, `settlements`.
    pub what: String,
    /// What our books say.
    pub ours: String,
    /// What the venue says.
    pub theirs: String,
    /// How the two stand to each other.
    pub verdict: Verdict,
    /// The comparison in one sentence.
    pub words: String,
}

/// How our books stand to the venue's word on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They agree exactly.
    Agrees,
    /// It is not ours: counted as external, and nothing to agree on.
    External,
    /// What became of it is still being found out: neither agrees nor differs.
    Open,
    /// It carries our prefix and is not in this database, or stands for an order that we have elsewhere: a cause of its own.
    Foreign,
    /// They differ.
    Differs,
}

impl Compared {
    pub(crate) fn new(
        what: impl Into<String>,
        ours: &dyn Display,
        theirs: &dyn Display,
        verdict: Verdict,
        words: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            ours: ours.to_string(),
            theirs: theirs.to_string(),
            verdict,
            words: words.into(),
        }
    }
}

/// Every market that either side holds.
pub(crate) fn positions(books: &AccountBooks, snapshot: &AccountSnapshot) -> Vec<Compared> {
    let ours = books.nets();
    let mut theirs: BTreeMap<&Ticker, Net> = BTreeMap::new();
    let mut items = Vec::new();
    for (ticker, net) in &snapshot.positions {
        if let Some(first) = theirs.insert(ticker, *net) {
            items.push(Compared::new(
                format!("position {ticker}"),
                &"once",
                &format!("{first} and {net}"),
                Verdict::Differs,
                format!("The venue lists {ticker} twice."),
            ));
        }
    }
    let tickers: BTreeSet<&Ticker> = ours.keys().chain(theirs.keys()).copied().collect();
    items.extend(tickers.into_iter().map(|ticker| {
        let net = |side: &BTreeMap<&Ticker, Net>| side.get(ticker).copied().unwrap_or(Net::ZERO);
        let (our, their) = (net(&ours), net(&theirs));
        let (verdict, words) = if our == their {
            (Verdict::Agrees, format!("{ticker}: both have {our} contracts."))
        } else {
            let words = format!("{ticker}: we have {our} contracts, the venue says {their}.");
            (Verdict::Differs, words)
        };
        Compared::new(format!("position {ticker}"), &our, &their, verdict, words)
    }));
    items
}

/// Cash, once ours is known.
///
/// The venue may count the collateral of resting orders as not spendable, and may have given collateral back on NO positions
/// (the account's netting setting decides); each reading agrees with our cash.
pub(crate) fn cash(books: &AccountBooks, snapshot: &AccountSnapshot, reserved: Money) -> Option<Compared> {
    let ours = books.cash?;
    let balance = snapshot.balance;
    let returned = ours.saturating_add(snapshot.collateral_return);
    let agrees = [ours, returned]
        .into_iter()
        .any(|cash| balance == cash || balance == cash.saturating_sub(reserved));
    let (verdict, words) = if !agrees {
        let words = format!("Cash: we have {ours} dollars, the venue says {balance}.");
        (Verdict::Differs, words)
    } else if balance == ours {
        (Verdict::Agrees, format!("Cash: both have {ours} dollars."))
    } else {
        let words = format!(
            "Cash: we have {ours} dollars, the venue says {balance}; {reserved} held by open orders and {} given back on \
             NO positions explain it.",
            snapshot.collateral_return
        );
        (Verdict::Agrees, words)
    };
    Some(Compared::new("cash", &ours, &balance, verdict, words))
}

/// One of our unfinished orders, after the snapshot was taken in.
pub(crate) fn our_order(life: &Life, listed: Option<&VenueOrder>) -> Compared {
    let order = &life.order;
    let id = &order.client_order_id;
    let stands = |state: OrderState, filled| format!("{}, {filled} filled", state.as_str());
    let ours = stands(order.state, order.filled);
    let theirs = listed.map_or_else(
        || "not in the listing".to_owned(),
        |listed| stands(listed.state, listed.filled),
    );
    let word_agrees = life.word.is_some_and(|word| word.filled == order.filled);
    let (verdict, words) = if life.is_unresolved() || !word_agrees {
        let words = format!("{id}: what became of it is not known yet; it is looked for until it is.");
        (Verdict::Open, words)
    } else {
        (Verdict::Agrees, format!("{id}: both say {ours}."))
    };
    Compared::new(format!("order {id}"), &ours, &theirs, verdict, words)
}

/// An order of the venue that is not one of this database's; `foreign` says why it should be.
pub(crate) fn other_order(order: &VenueOrder, foreign: Option<&String>) -> Option<Compared> {
    let open = matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled);
    let theirs = format!("{}, {} open", order.state.as_str(), order.remaining);
    let what = format!("order {}", order.venue_order_id);
    match foreign {
        Some(words) => Some(Compared::new(what, &"unknown", &theirs, Verdict::Foreign, words)),
        // Finished ones that somebody else placed show in fills and positions.
        None if !open => None,
        None => {
            let words = format!(
                "{} on {} is not ours: {} contracts rest there.",
                order.venue_order_id, order.ticker, order.remaining
            );
            Some(Compared::new(
                what,
                &"not ours",
                &theirs,
                Verdict::External,
                words,
            ))
        }
    }
}

/// Fills: every one of the listing is booked by now; what we booked must be in the listing, once it is old enough to be.
pub(crate) fn fills(tracker: &Tracker, snapshot: &AccountSnapshot, since: Since) -> Vec<Compared> {
    let listed: BTreeSet<&str> = snapshot.fills.iter().map(|fill| fill.fill_id.as_str()).collect();
    let booked: Vec<&str> = tracker.fills_between(since.from, since.until).collect();
    let mut items: Vec<Compared> = booked
        .iter()
        .filter(|id| !listed.contains(**id))
        .map(|id| {
            let words = format!("Fill {id} is booked here, and the venue does not list it.");
            Compared::new(
                format!("fill {id}"),
                &"booked",
                &"not listed",
                Verdict::Differs,
                words,
            )
        })
        .collect();
    if items.is_empty() {
        let listed = listed.len();
        let words = format!(
            "Fills: all {listed} that the venue lists since {} are booked.",
            since.from
        );
        items.push(Compared::new("fills", &listed, &listed, Verdict::Agrees, words));
    }
    items
}

/// Settlements: every one of the listing is booked by now.
pub(crate) fn settlements(snapshot: &AccountSnapshot, since: Since) -> Compared {
    let listed = snapshot.settlements.len();
    let words = format!(
        "Settlements: all {listed} that the venue lists since {} are booked.",
        since.from
    );
    Compared::new("settlements", &listed, &listed, Verdict::Agrees, words)
}

/// The span that both sides must know whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    pub(crate) from: chrono::DateTime<chrono::Utc>,
    /// `None` when the venue does not say how old its listing is: nothing can be missed from it then.
    pub(crate) until: Option<chrono::DateTime<chrono::Utc>>,
}

impl Since {
    /// A listing asked for from a time on may lack what is younger than its own time less a margin.
    pub(crate) fn of(
        from: chrono::DateTime<chrono::Utc>,
        snapshot: &AccountSnapshot,
        margin: TimeDelta,
    ) -> Self {
        Self {
            from,
            until: snapshot.as_of.map(|as_of| as_of - margin),
        }
    }
}
