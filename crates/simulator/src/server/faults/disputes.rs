//! Results that are disputed and decided again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use autotrader_domain::{MarketStatus, Price, SettlementResult, Ticker};
use chrono::{DateTime, TimeDelta, Utc};

use crate::exchange::{Exchange, LogEntry};
use crate::faults::{FaultDesk, FaultKind, Site};

/// The disputes of a run.
#[derive(Debug, Default)]
pub(in super::super) struct Disputes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many entries of the exchange's log are known.
    known: usize,
    /// No result is disputed twice.
    disputed: BTreeSet<Ticker>,
    open: Vec<Dispute>,
}

#[derive(Debug)]
struct Dispute {
    due: DateTime<Utc>,
    ticker: Ticker,
    result: SettlementResult,
    value: Price,
}

impl Disputes {
    /// Decides again what is due, and asks of every new result whether it is disputed.
    pub(in super::super) fn go_on(
        &self,
        exchange: &mut Exchange,
        desk: &Mutex<FaultDesk>,
        now: DateTime<Utc>,
    ) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, open) = std::mem::take(&mut state.open)
            .into_iter()
            .partition(|dispute| dispute.due <= now);
        state.open = open;
        let due: Vec<Dispute> = due;
        for dispute in due {
            // Somebody else may have decided it in the meantime.
            let is_disputed = exchange
                .market(&dispute.ticker)
                .is_some_and(|market| market.status == MarketStatus::Disputed);
            if is_disputed {
                let _ = exchange.determine(&dispute.ticker, dispute.result, dispute.value, now);
            }
        }
        let decided: Vec<(Ticker, SettlementResult, Price)> = exchange
            .log()
            .entries()
            .iter()
            .skip(state.known)
            .filter_map(|entry| match entry {
                LogEntry::Determination {
                    ticker,
                    result,
                    value,
                    ..
                } => Some((ticker.clone(), *result, *value)),
                _ => None,
            })
            .collect();
        state.known = exchange.log().entries().len();
        for (ticker, result, value) in decided {
            let is_open = exchange.market(&ticker).is_some_and(|market| {
                matches!(market.status, MarketStatus::Determined | MarketStatus::Amended)
            });
            if !is_open || state.disputed.contains(&ticker) {
                continue;
            }
            let site = Site {
                method: "EXCHANGE",
                path: ticker.as_str(),
            };
            let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(action) = desk.fires(FaultKind::DisputedResult, site, now) else {
                continue;
            };
            // The other way round there could be two winners.
            let (result, value, said) = match (result, action.choose(2)) {
                (SettlementResult::Yes, Some(1)) => (SettlementResult::No, Price::ZERO, "amended to no"),
                _ => (result, value, "upheld"),
            };
            desk.explain(&action, said);
            drop(desk);
            if exchange.dispute(&ticker, now).is_ok() {
                state.disputed.insert(ticker.clone());
                state.open.push(Dispute {
                    due: now + TimeDelta::milliseconds(action.amount_ms),
                    ticker,
                    result,
                    value,
                });
            }
        }
    }
}
