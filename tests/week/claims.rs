//! What each contract of the demo's script pays on, told by the script itself.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_simulator::WorldOptions;
use autotrader_simulator::scenario::{PublicClaim, Scenario, Shown};
use chrono::{DateTime, TimeZone as _, Utc};

/// Contracts of one script, and every state in which a check can end.
pub struct Claims {
    contracts: BTreeMap<String, (PublicClaim, DateTime<Utc>)>,
    states: BTreeSet<(String, String)>,
}

impl Claims {
    /// The demo's script of a seed.
    pub fn of(seed: u64, days: u32) -> Self {
        let scenario = Scenario::demo(&WorldOptions {
            seed,
            start: start(),
            days,
            tweak_row: None,
        });
        let contracts = scenario
            .contracts()
            .iter()
            .map(|one| (one.ticker.to_string(), (one.claim.clone(), one.check)))
            .collect();
        let mut states = BTreeSet::from([(String::new(), String::new())]);
        for showing in scenario.timeline() {
            let (Shown::Board(board) | Shown::OtherCategory(board)) = &showing.shown else {
                continue;
            };
            for model in &board.models {
                let lab = model.organization.to_string();
                // The model itself, and one of its lab that nobody has listed.
                states.insert((model.name.to_string(), lab.clone()));
                states.insert((String::new(), lab));
            }
        }
        Self { contracts, states }
    }

    /// Who may win: model and lab.
    pub const fn states(&self) -> &BTreeSet<(String, String)> {
        &self.states
    }

    /// When a contract is checked.
    pub fn check(&self, ticker: &str) -> DateTime<Utc> {
        self.contracts[ticker].1
    }

    /// Whether a contract pays when a model of a lab wins.
    pub fn pays(&self, ticker: &str, model: &str, lab: &str) -> bool {
        match &self.contracts[ticker].0 {
            PublicClaim::Model(name) => name == model,
            PublicClaim::Lab(name) => name == lab,
        }
    }
}

/// Where the demo's virtual time starts.
pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 21, 0, 0, 0).unwrap()
}
