//! Books kept by the tests themselves, in whole micro-dollars, from nothing but exported lines.
//!
//! The sums are laid out differently from the program's: a bid pays its price, an ask earns it, and every contract that is
//! short ties one dollar up until it is bought back or settled. That is the same money as paying for NO, reached by another
//! way.

use std::collections::BTreeMap;

use serde_json::Value;

/// Decimal text as a whole number of `10^-places`; anything finer is an error.
#[track_caller]
pub fn whole(value: &Value, places: usize) -> i128 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no decimal text"));
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (units, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= places, "{text} is finer than {places} places");
    let padded = format!("{units}{fraction:0<places$}");
    sign * padded.parse::<i128>().unwrap()
}

/// Micro-dollars.
#[track_caller]
pub fn money(value: &Value) -> i128 {
    whole(value, 6)
}

const DOLLAR: i128 = 1_000_000;

/// Cash and positions of one account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Books {
    /// What was paid in and earned less what was paid, in micro-dollars, before what short contracts tie up.
    flow: i128,
    /// Fees of executions and settlements, in micro-dollars.
    pub fees: i128,
    /// Net YES contracts by market, in hundredths.
    net: BTreeMap<String, i128>,
}

impl Books {
    pub fn opened_with(cash: i128) -> Self {
        Self {
            flow: cash,
            ..Self::default()
        }
    }

    /// One execution: the keys of ours and of the exchange's log differ in the name of the size alone.
    pub fn fill(&mut self, fill: &Value, size: &str) {
        let (price, contracts) = (whole(&fill["price"], 4), whole(&fill[size], 2));
        let sign = match fill["side"].as_str() {
            Some("bid") => 1,
            Some("ask") => -1,
            other => panic!("{other:?} is no side"),
        };
        *self.net.entry(ticker(fill)).or_default() += sign * contracts;
        self.flow -= sign * price * contracts;
        self.fees += money(&fill["fee"]);
    }

    /// Pays out a whole position at the value of a YES contract; returns what the account receives for it.
    pub fn settle(&mut self, ticker: &str, yes_value: &Value, fee: &Value) -> i128 {
        let net = self.net.insert(ticker.to_owned(), 0).unwrap_or(0);
        let paid = whole(yes_value, 4) * net;
        self.flow += paid;
        self.fees += money(fee);
        paid + tied_up(net)
    }

    /// Spendable cash, in micro-dollars.
    pub fn cash(&self) -> i128 {
        self.flow - self.fees - self.net.values().copied().map(tied_up).sum::<i128>()
    }

    /// Markets with contracts, in hundredths.
    pub fn positions(&self) -> BTreeMap<String, i128> {
        let held = self.net.iter().filter(|(_, net)| **net != 0);
        held.map(|(ticker, net)| (ticker.clone(), *net)).collect()
    }
}

/// What short contracts tie up, in micro-dollars.
fn tied_up(net: i128) -> i128 {
    (-net).max(0) * DOLLAR / 100
}

pub fn ticker(value: &Value) -> String {
    value["ticker"].as_str().unwrap().to_owned()
}

/// The positions of a list that has `ticker` and `net`, flat ones left out.
pub fn listed(positions: &Value) -> BTreeMap<String, i128> {
    let list = positions.as_array().unwrap().iter();
    list.map(|position| (ticker(position), whole(&position["net"], 2)))
        .filter(|(_, net)| *net != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Books, money};

    fn fill(side: &str, price: &str, contracts: &str) -> serde_json::Value {
        json!({ "ticker": "A", "side": side, "price": price, "contracts": contracts, "fee": "0.0100" })
    }

    #[test]
    fn a_short_position_ties_up_what_its_no_contracts_cost() {
        let mut books = Books::opened_with(100_000_000);
        books.fill(&fill("ask", "0.3000", "10.00"), "contracts");
        assert_eq!(
            books.cash(),
            money(&json!("92.99")),
            "7 dollars for NO and a cent of fee"
        );
        books.fill(&fill("bid", "0.2000", "4.00"), "contracts");
        assert_eq!(
            books.cash(),
            money(&json!("96.18")),
            "4 NO sold at 0.80, less a cent"
        );
        assert_eq!(books.positions(), [("A".to_owned(), -600)].into());
        assert_eq!(
            books.settle("A", &json!("0.0000"), &json!("0")),
            money(&json!("6"))
        );
        assert_eq!(books.cash(), money(&json!("102.18")));
        assert!(books.positions().is_empty());
    }
}
