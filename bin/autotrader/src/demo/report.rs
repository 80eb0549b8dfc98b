//! The demo's report: our books beside the exchange's.

use std::collections::BTreeMap;

use autotrader_domain::ports::AccountSnapshot;
use autotrader_domain::{Money, Net, Purpose, Ticker};
use autotrader_engine::Engine;
use autotrader_simulator::faults::FaultKind;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::collector::Collected;
use crate::commands::look::position_json;

/// The facts of a finished demo.
pub(crate) struct Facts<'a> {
    pub(crate) seed: u64,
    pub(crate) days: u32,
    pub(crate) engine: &'a Engine,
    pub(crate) collected: &'a Collected,
    pub(crate) exchange: &'a AccountSnapshot,
    pub(crate) differences: &'a [String],
    /// How often each fault happened; `None` for a demo without faults.
    pub(crate) faults: Option<BTreeMap<FaultKind, u64>>,
}

/// The files whose bytes the decision hash covers, in this order: SHA-256 over all lines, each with its line end.
pub(crate) fn hashed_files(collected: &Collected) -> [(&'static str, &[String]); 4] {
    [
        ("readings.ndjson", &collected.readings),
        ("decisions.ndjson", &collected.decisions),
        ("orders.ndjson", &collected.orders),
        ("fills.ndjson", &collected.fills),
    ]
}

/// The hash over readings, decisions, orders and fills: `cat` the four exported files in order and hash them.
pub(crate) fn decision_hash(collected: &Collected) -> String {
    let mut hash = Sha256::new();
    for (_, lines) in hashed_files(collected) {
        for line in lines {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether positions and cash agree to the micro-dollar.
fn reconciled(facts: &Facts<'_>) -> bool {
    let portfolio = &facts.engine.account().portfolio;
    let ours: Vec<(&Ticker, Net)> = portfolio
        .positions
        .iter()
        .filter(|(_, position)| !position.net.is_flat())
        .map(|(ticker, position)| (ticker, position.net))
        .collect();
    let mut theirs: Vec<(&Ticker, Net)> = facts
        .exchange
        .positions
        .iter()
        .filter(|(_, net)| !net.is_flat())
        .map(|(ticker, net)| (ticker, *net))
        .collect();
    theirs.sort();
    facts.differences.is_empty() && ours == theirs && portfolio.cash == facts.exchange.balance
}

/// The report.
pub(crate) fn report(facts: &Facts<'_>) -> Value {
    let (engine, collected) = (facts.engine, facts.collected);
    let account = engine.account();
    let marks = engine.marks();
    let positions: Vec<Value> = account
        .portfolio
        .positions
        .iter()
        .map(|(ticker, position)| position_json(ticker, position))
        .collect();
    let exchange: Vec<Value> = facts
        .exchange
        .positions
        .iter()
        .filter(|(_, net)| !net.is_flat())
        .map(|(ticker, net)| json!({ "ticker": ticker, "net": net }))
        .collect();
    let unrealized: Money = marks.saturating_sub(account.cost());
    let mut value = json!({
        "seed": facts.seed,
        "days": facts.days,
        "events": collected.journal.len(),
        "readings": collected.readings.len(),
        "boards_accepted": collected.boards_accepted,
        "boards_held": collected.boards_held,
        "boards_refused": collected.boards_refused,
        "signals": collected.signals,
        "decisions": collected.decisions.len(),
        "orders": collected.placed,
        "entries": collected.filled(Purpose::Entry),
        "exits": collected.filled(Purpose::Exit),
        "fills": collected.fills.len() - usize::try_from(collected.settlements).unwrap_or(0),
        "settlements": collected.settlements,
        "blocked_by": collected.blocked_by,
        "positions": positions,
        "opening_cash": account.opening_cash(),
        "cash": account.portfolio.cash,
        "equity": account.portfolio.cash.saturating_add(marks),
        "pnl": { "realized": account.realized(), "unrealized": unrealized, "fees": account.fees() },
        "exchange": { "cash": facts.exchange.balance, "positions": exchange },
        "reconciled": reconciled(facts),
        "differences": facts.differences,
        "decision_hash": decision_hash(collected),
        "journal_hash": engine.chain().to_string(),
    });
    if let (Some(fired), Some(fields)) = (&facts.faults, value.as_object_mut()) {
        let fired: serde_json::Map<String, Value> = fired
            .iter()
            .map(|(kind, count)| (kind.name().to_owned(), json!(count)))
            .collect();
        fields.insert("faults".to_owned(), fired.into());
    }
    if let (false, Some(fields)) = (collected.commands.is_empty(), value.as_object_mut()) {
        fields.insert("commands".to_owned(), json!(collected.commands.len()));
    }
    value
}
