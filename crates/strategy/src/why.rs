//! The why-ledger in words: one sentence for an order, and one paragraph for a line.

use std::fmt::Write as _;

use autotrader_domain::{Action, BookSide, Why};

use crate::exits::Exit;
use crate::sizing::Entry;

/// The probabilities of YES that an order rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// By the estimator.
    pub fair: Option<f64>,
    /// By the market, de-vigged.
    pub market: Option<f64>,
    /// Pooled.
    pub pooled: Option<f64>,
}

fn shown(p: Option<f64>) -> String {
    p.map_or_else(|| "unknown".to_owned(), |p| format!("{p:.3}"))
}

/// How an entry is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// It takes what is on the book.
    Takes,
    /// It rests on the book.
    Rests,
}

/// The sentence that explains an entry.
#[must_use]
pub fn entry_sentence(
    figures: &Figures,
    yes: f64,
    side: BookSide,
    entry: &Entry,
    fresh: bool,
    style: Style,
) -> String {
    let outcome = match side {
        BookSide::Bid => "YES",
        BookSide::Ask => "NO",
    };
    let news = if fresh { "fresh board" } else { "at rest" };
    let verb = match style {
        Style::Takes => "Buy",
        Style::Rests => "Rest to buy",
    };
    format!(
        "{verb} {} {outcome} to a YES price of {} ({news}): model {}, market {}, traded on {yes:.3} at the worse end; \
         cost {}, fees {}, edge {:.1} cents each.",
        entry.contracts,
        entry.limit,
        shown(figures.fair),
        shown(figures.market),
        entry.edge.cost,
        entry.edge.fees,
        entry.edge.per_contract * 100.0,
    )
}

/// The sentence that explains an exit.
#[must_use]
pub fn exit_sentence(figures: &Figures, exit: &Exit) -> String {
    let outcome = match exit.side {
        BookSide::Ask => "YES",
        BookSide::Bid => "NO",
    };
    format!(
        "Sell {} {outcome} to a YES price of {}: model {}, market {}, pooled {}; selling beats holding by {:.1} cents each \
         beyond fee and half the spread.",
        exit.contracts,
        exit.limit,
        shown(figures.fair),
        shown(figures.market),
        shown(figures.pooled),
        exit.advantage * 100.0,
    )
}

/// A line of the why-ledger in words, for a person who asks why.
#[must_use]
pub fn in_words(why: &Why) -> String {
    let mut text = match &why.action {
        Action::Hold => format!("{}: nothing to do, holding {}.", why.ticker, why.position),
        Action::Enter {
            side,
            contracts,
            limit,
        } => {
            let verb = match side {
                BookSide::Bid => "buy YES",
                BookSide::Ask => "buy NO",
            };
            format!(
                "{}: {verb}, {contracts} contracts to a YES price of {limit}, holding {}.",
                why.ticker, why.position
            )
        }
        Action::Exit { contracts, limit, .. } => {
            format!(
                "{}: sell {contracts} of {} held, to a YES price of {limit}.",
                why.ticker, why.position
            )
        }
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        " Model {}, market {}, pooled {}.",
        shown(why.fair),
        shown(why.market),
        shown(why.pooled)
    );
    if let Some(edge) = why.edge {
        let _ = write!(text, " Edge after fees {:.1} cents.", edge * 100.0);
    }
    match (why.reason, why.next_reason) {
        (Some(first), Some(next)) => {
            let _ = write!(text, " First reason against more: {first} Next: {next}");
        }
        (Some(first), None) => {
            let _ = write!(text, " Reason against more: {first}");
        }
        (None, _) => {}
    }
    for (name, p) in &why.baselines {
        let _ = write!(text, " {name} says {p:.3}.");
    }
    text
}
