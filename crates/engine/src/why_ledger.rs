//! The why-ledger: which lines are worth storing.

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Ticker, Wanted, Why};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long a line speaks for a contract on which nothing was decided anew.
const REPEATED_AFTER: TimeDelta = TimeDelta::hours(1);

/// How soon a line is stored again only because another entry is forgone: what is worth it flickers with the book.
const FORGONE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The last line of a contract, and what was stored of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    line: Why,
    stored_at: DateTime<Utc>,
    /// The side of the entry that the stored line calls forgone.
    forgone: Option<BookSide>,
}

/// Remembers the last line of each contract and when it was stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct WhyLedger {
    lines: BTreeMap<Ticker, Known>,
}

fn forgone(line: &Why) -> Option<BookSide> {
    line.wanted.as_ref().map(|Wanted { side, .. }| *side)
}

impl WhyLedger {
    /// Takes a line; `true` when it must be stored: action, reason or target changed, an hour passed, or another entry is
    /// forgone and the last line is not that young.
    pub(crate) fn take(&mut self, line: Why) -> bool {
        let stored = self.lines.get(&line.ticker).filter(|known| {
            let age = line.at - known.stored_at;
            let speaks = known.forgone == forgone(&line) || age < FORGONE_AFTER;
            line.same_decision(&known.line) && age < REPEATED_AFTER && speaks
        });
        let known = match stored {
            Some(known) => Known {
                line,
                ..known.clone()
            },
            None => Known {
                stored_at: line.at,
                forgone: forgone(&line),
                line,
            },
        };
        let store = stored.is_none();
        self.lines.insert(known.line.ticker.clone(), known);
        store
    }

    /// The latest line of each contract.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Why> {
        self.lines.values().map(|known| &known.line)
    }

    /// Forgets contracts that are no longer known.
    pub(crate) fn retain(&mut self, known: impl Fn(&Ticker) -> bool) {
        self.lines.retain(|ticker, _| known(ticker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{Action, Contracts, Money, Net, Price, Reason};

    fn line(second: i64, reason: Reason, side: Option<BookSide>) -> Why {
        Why {
            ticker: "T".parse().unwrap(),
            at: DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap(),
            fair: None,
            market: None,
            pooled: None,
            edge: None,
            target: None,
            position: Net::ZERO,
            action: Action::Hold,
            reason: Some(reason),
            next_reason: None,
            baselines: BTreeMap::new(),
            wanted: side.map(|side| Wanted {
                side,
                contracts: Contracts::whole(1),
                limit: Price::from_cents(50).unwrap(),
                cost: Money::dollars(1),
                fees: Money::ZERO,
            }),
        }
    }

    #[test]
    fn a_line_is_stored_when_its_decision_changes_hourly_and_when_another_entry_is_forgone() {
        let (bid, ask) = (Some(BookSide::Bid), Some(BookSide::Ask));
        let (idle, wide) = (Reason::NoEdge, Reason::WideSpread);
        let mut ledger = WhyLedger::default();
        for (second, reason, side, stored) in [
            (0, idle, None, true),
            (0, idle, None, false),
            (1, idle, bid, false),
            (2, wide, bid, true),
            (3, wide, bid, false),
            (4, wide, None, false),
            (601, wide, ask, false),
            (602, wide, ask, true),
            (603, wide, None, false),
            (1_300, wide, ask, false),
            (1_301, wide, bid, true),
            (4_900, wide, bid, false),
            (4_901, wide, bid, true),
        ] {
            assert_eq!(ledger.take(line(second, reason, side)), stored, "second {second}");
        }
    }
}
