//! An observer of one account that reads nothing but the exchange's own log, in the order in which it happened, and holds
//! every instant to the limits. It shares no code with what it watches: whole numbers, its own sums, its own claims.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::books::{Books, money, ticker, whole};
use crate::claims::Claims;

/// Limits as they were configured, in hundredths of contracts, micro-dollars and orders.
#[derive(Debug, Clone)]
pub struct Limits {
    pub order: i128,
    pub contract: i128,
    pub event: i128,
    pub worst_state: i128,
    pub per_minute: usize,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub orders: usize,
    pub accepted: usize,
    pub fills: usize,
    pub reducing: usize,
    /// Orders placed to rest.
    pub resting: usize,
    /// The exchange's refusals by its own word.
    pub refused: BTreeMap<String, usize>,
    /// Breaches in words; none is wanted.
    pub breaches: Vec<String>,
    /// The furthest that each limit was used.
    pub most: BTreeMap<&'static str, i128>,
    pub settlements: usize,
}

struct Resting {
    ticker: String,
    bid: bool,
    left: i128,
}

/// The account as the log tells of it.
pub struct Observer<'a> {
    limits: Limits,
    halts: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    claims: &'a Claims,
    account: Option<Value>,
    pub books: Option<Books>,
    /// What was paid for open contracts less what was earned, by market, in micro-dollars; cleared when flat.
    paid: BTreeMap<String, i128>,
    resting: BTreeMap<String, Resting>,
    reduce_only: BTreeSet<String>,
    recent: VecDeque<DateTime<Utc>>,
    pub seen: Seen,
}

fn at(line: &Value) -> DateTime<Utc> {
    line["at"].as_str().unwrap().parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The event of a market: everything before the last dash.
fn event_of(ticker: &str) -> &str {
    ticker.rsplit_once('-').unwrap().0
}

impl<'a> Observer<'a> {
    pub fn new(limits: Limits, halts: Vec<(DateTime<Utc>, DateTime<Utc>)>, claims: &'a Claims) -> Self {
        Self {
            limits,
            halts,
            claims,
            account: None,
            books: None,
            paid: BTreeMap::new(),
            resting: BTreeMap::new(),
            reduce_only: BTreeSet::new(),
            recent: VecDeque::new(),
            seen: Seen::default(),
        }
    }

    /// Reads a whole log.
    pub fn read(&mut self, log: &str) {
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            self.line(&line);
        }
    }

    fn line(&mut self, line: &Value) {
        if line["kind"] == "opening" && line["name"] == "trader" {
            self.account = Some(line["account"].clone());
            self.books = Some(Books::opened_with(money(&line["cash"])));
        }
        if self.account.as_ref() != Some(&line["account"]) {
            return;
        }
        match line["kind"].as_str() {
            Some("order_request") => self.order(line),
            Some("fill") => self.fill(line),
            Some("removal") => self.gone(&line["order_id"]),
            Some("cancel_request") if line.get("accepted").is_some() => self.gone(&line["order_id"]),
            Some("settlement") => self.settlement(line),
            _ => {}
        }
    }

    fn gone(&mut self, order_id: &Value) {
        self.resting.remove(order_id.as_str().unwrap());
    }

    fn breach(&mut self, at: DateTime<Utc>, what: &str) {
        self.seen.breaches.push(format!("{at}: {what}"));
    }

    fn used(&mut self, at: DateTime<Utc>, what: &'static str, found: i128, limit: i128) {
        let most = self.seen.most.entry(what).or_default();
        *most = (*most).max(found);
        if found > limit {
            self.breach(at, &format!("{what} is {found}, more than {limit}"));
        }
    }

    fn order(&mut self, line: &Value) {
        let (at, order) = (at(line), &line["order"]);
        self.seen.orders += 1;
        let reduces = order["reduce_only"] == true;
        self.seen.reducing += usize::from(reduces);
        if let Some(code) = line["refused"].as_str() {
            *self.seen.refused.entry(code.to_owned()).or_default() += 1;
        }
        let halted = self.halts.iter().any(|(from, until)| *from <= at && at < *until);
        // A flatten closes under the halt that it brings; nothing else may be placed there.
        if halted && !reduces {
            self.breach(at, &format!("placed while halted: {order}"));
        }
        if !reduces {
            self.recent.push_back(at);
            while self
                .recent
                .front()
                .is_some_and(|first| *first <= at - TimeDelta::seconds(60))
            {
                self.recent.pop_front();
            }
            let in_a_minute = self.recent.len();
            let per_minute = self.limits.per_minute;
            self.used(
                at,
                "order_rate",
                i128::try_from(in_a_minute).unwrap(),
                i128::try_from(per_minute).unwrap(),
            );
            self.used(at, "order_size", whole(&order["count"], 2), self.limits.order);
        }
        let Some(accepted) = line.get("accepted") else {
            return;
        };
        self.seen.accepted += 1;
        let id = text(&accepted["order_id"]);
        if reduces {
            self.reduce_only.insert(id);
            return;
        }
        let left = whole(&accepted["remaining"], 2);
        if left > 0 {
            self.seen.resting += 1;
        }
        // It is written down before its fills, which count down what may still fill.
        let resting = Resting {
            ticker: ticker(order),
            bid: order["side"] == "bid",
            left: left + whole(&accepted["filled"], 2),
        };
        self.resting.insert(id, resting);
        self.exposure(at, &ticker(order));
        if left == 0 && whole(&accepted["filled"], 2) == 0 {
            self.gone(&accepted["order_id"]);
        }
    }

    /// Contracts of one market if everything on one side filled, the larger side.
    fn worst_net(&self, ticker: &str) -> i128 {
        let net = self.net(ticker);
        let on = |bid: bool| -> i128 {
            self.resting
                .values()
                .filter(|order| order.ticker == ticker && order.bid == bid)
                .map(|order| order.left)
                .sum()
        };
        (net + on(true)).abs().max((net - on(false)).abs())
    }

    fn net(&self, ticker: &str) -> i128 {
        let positions = self.books.as_ref().unwrap().positions();
        positions.get(ticker).copied().unwrap_or(0)
    }

    /// The contract and its event, orders on the book counted as filled.
    fn exposure(&mut self, at: DateTime<Utc>, ticker: &str) {
        let event = event_of(ticker);
        let held = self.books.as_ref().unwrap().positions();
        let tickers: BTreeSet<&String> = held
            .keys()
            .chain(self.resting.values().map(|order| &order.ticker))
            .filter(|other| event_of(other) == event)
            .collect();
        let gross: i128 = tickers.iter().map(|one| self.worst_net(one)).sum();
        let contract = self.worst_net(ticker);
        self.used(at, "contract", contract, self.limits.contract);
        self.used(at, "event_gross", gross, self.limits.event);
    }

    fn fill(&mut self, line: &Value) {
        let (at, name, id) = (at(line), ticker(line), text(&line["order_id"]));
        self.seen.fills += 1;
        let count = whole(&line["count"], 2);
        let before = self.net(&name);
        self.books.as_mut().unwrap().fill(line, "count");
        let after = self.net(&name);
        self.pay(&name, before, after, whole(&line["price"], 4));
        if let Some(order) = self.resting.get_mut(&id) {
            order.left -= count;
        }
        if self.resting.get(&id).is_some_and(|order| order.left <= 0) {
            self.resting.remove(&id);
        }
        let cash = self.books.as_ref().unwrap().cash();
        self.used(at, "cash_overdrawn", (-cash).max(0), 0);
        self.exposure(at, &name);
        // What reduces is never held back by limits of entries.
        if !self.reduce_only.contains(&id) {
            let worst = self.worst_state(&name);
            self.used(at, "worst_state", worst, self.limits.worst_state);
        }
    }

    /// What the open contracts of a market cost: closing takes its share of the cost out, opening pays the price.
    fn pay(&mut self, name: &str, before: i128, after: i128, price: i128) {
        let paid = self.paid.entry(name.to_owned()).or_default();
        let closes =
            before != 0 && (after == 0 || after.signum() != before.signum() || after.abs() < before.abs());
        let kept = if closes && after.signum() == before.signum() {
            after
        } else if closes {
            0
        } else {
            before
        };
        if closes {
            *paid = *paid * kept / before;
        }
        // A NO contract is a sold YES contract with a dollar beside it: a price of less than nothing, and never negative here.
        *paid += (after - kept) * price;
    }

    /// The loss of the worst state of the market's check, both series together, fees apart, in micro-dollars.
    fn worst_state(&self, name: &str) -> i128 {
        let held: Vec<(String, i128)> = self
            .books
            .as_ref()
            .unwrap()
            .positions()
            .into_iter()
            .filter(|(other, _)| self.claims.check(other) == self.claims.check(name))
            .collect();
        let cost: i128 = held.iter().map(|(other, _)| self.paid[other]).sum();
        let states = self.claims.states();
        let result = |model: &str, lab: &str| -> i128 {
            let won: i128 = held
                .iter()
                .filter(|(other, _)| self.claims.pays(other, model, lab))
                .map(|(_, net)| net * 10_000)
                .sum();
            won - cost
        };
        let worst = states.iter().map(|(model, lab)| result(model, lab)).min();
        (-worst.unwrap_or(0)).max(0)
    }

    fn settlement(&mut self, line: &Value) {
        let name = ticker(line);
        if self.net(&name) != 0 {
            self.seen.settlements += 1;
        }
        let received = self
            .books
            .as_mut()
            .unwrap()
            .settle(&name, &line["value"], &line["settlement_fee"]);
        assert_eq!(received, money(&line["revenue"]), "{line}");
        self.paid.insert(name, 0);
    }
}
