//! The chances summed up by reason.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, Money};
use serde::Serialize;

use super::{Chance, End, Evidence, Guard, Overflow, chances};

/// Chances whose market has not paid yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Open {
    /// How many.
    pub episodes: usize,
    /// Contracts that count.
    pub contracts: Contracts,
    /// What they would have cost, fees included.
    pub invested: Money,
    /// How many of them have no mark.
    pub unmarked: usize,
    /// Marks less cost and fees, of those that have a mark.
    pub result: Money,
}

/// What one reason, or all of them, came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Row {
    /// Chances, settled and open.
    pub episodes: usize,
    /// Chances whose market has paid.
    pub settled: usize,
    /// Contracts of the settled ones.
    pub contracts: Contracts,
    /// Losses that were avoided.
    pub saved: Money,
    /// Gains that were missed.
    pub cost: Money,
    /// What was saved less what it cost: above zero the reason was worth having.
    pub net: Money,
    /// What is not settled yet.
    pub open: Open,
}

impl Row {
    /// Adds a chance; `None` on overflow.
    fn with(mut self, chance: &Chance) -> Option<Self> {
        self.episodes += 1;
        match chance.end {
            End::Settled { result, .. } => {
                self.settled += 1;
                self.contracts = self.contracts.checked_add(chance.contracts)?;
                if result.is_negative() {
                    self.saved = self.saved.checked_sub(result)?;
                } else {
                    self.cost = self.cost.checked_add(result)?;
                }
                self.net = self.saved.checked_sub(self.cost)?;
            }
            End::Open { result, .. } => {
                let open = &mut self.open;
                open.episodes += 1;
                open.contracts = open.contracts.checked_add(chance.contracts)?;
                open.invested = open.invested.checked_add(chance.cost)?.checked_add(chance.fees)?;
                match result {
                    Some(result) => open.result = open.result.checked_add(result)?,
                    None => open.unmarked += 1,
                }
            }
        }
        Some(self)
    }
}

/// Every chance, and what each reason came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// By reason, in the order in which reasons are declared; entries that were only not sent come last.
    pub reasons: BTreeMap<Guard, Row>,
    /// All of them together.
    pub total: Row,
    /// By contract and then by their first lines.
    pub chances: Vec<Chance>,
}

impl Ledger {
    /// Finds the chances and sums them up.
    ///
    /// # Errors
    /// [`Overflow`] when figures do not fit into money.
    pub fn of(evidence: &Evidence<'_>) -> Result<Self, Overflow> {
        Self::summed(chances(evidence)?)
    }

    /// Sums up chances that were found contract by contract.
    ///
    /// # Errors
    /// [`Overflow`] when the sums do not fit into money.
    pub fn summed(chances: Vec<Chance>) -> Result<Self, Overflow> {
        let mut reasons: BTreeMap<Guard, Row> = BTreeMap::new();
        let mut total = Row::default();
        for chance in &chances {
            let overflow = || Overflow {
                ticker: chance.ticker.clone(),
            };
            let row = reasons.entry(chance.guard).or_default();
            *row = row.with(chance).ok_or_else(overflow)?;
            total = total.with(chance).ok_or_else(overflow)?;
        }
        Ok(Self {
            reasons,
            total,
            chances,
        })
    }
}
