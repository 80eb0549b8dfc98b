//! Every order of ours against every order of the exchange's own log, one by one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::books::whole;

/// An order as the exchange's log tells of it.
#[derive(Debug, Default)]
struct Theirs {
    order_ids: Vec<String>,
    filled: i128,
    left: i128,
}

/// What differs, in words; empty when each order is there once, filled as far as we say, and ended where we say it ended.
pub fn differences(ours: &str, log: &str) -> Vec<String> {
    let theirs = theirs(log);
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for line in ours.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let order = &line["order"];
        last.insert(text(&order["client_order_id"]), order.clone());
    }
    let mut wrong: Vec<String> = theirs
        .keys()
        .filter(|id| !last.contains_key(*id))
        .map(|id| format!("{id}: at the exchange, and not ours"))
        .collect();
    for (id, order) in &last {
        let filled = whole(&order["filled"], 2);
        let state = order["state"].as_str().unwrap();
        let ended = ["filled", "canceled", "expired", "rejected", "abandoned"].contains(&state);
        match theirs.get(id) {
            None if ["rejected", "abandoned"].contains(&state) && filled == 0 => {}
            None => wrong.push(format!("{id}: {state} here, and the exchange never took it")),
            Some(there) => {
                let venue = order["venue_order_id"].as_str().unwrap_or("not known");
                if there.order_ids != [venue] {
                    wrong.push(format!("{id}: {venue} here, {:?} there", there.order_ids));
                }
                if there.filled != filled || ended != (there.left == 0) {
                    wrong.push(format!(
                        "{id}: {state} with {filled} filled here, {there:?} there"
                    ));
                }
            }
        }
    }
    wrong
}

fn theirs(log: &str) -> BTreeMap<String, Theirs> {
    let mut orders: BTreeMap<String, Theirs> = BTreeMap::new();
    let mut owner: BTreeMap<String, String> = BTreeMap::new();
    let mut trader = None;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["kind"] == "opening" && line["name"] == "trader" {
            trader = Some(line["account"].clone());
        }
        if trader.as_ref() != Some(&line["account"]) {
            continue;
        }
        let known = |line: &Value| owner.get(line["order_id"].as_str()?).cloned();
        match line["kind"].as_str() {
            Some("order_request") if line.get("accepted").is_some() => {
                let accepted = &line["accepted"];
                let id = text(&line["order"]["client_order_id"]);
                let order = orders.entry(id.clone()).or_default();
                order.order_ids.push(text(&accepted["order_id"]));
                // Its fills are lines of their own; what an immediate order did not get is gone at once.
                order.left += whole(&accepted["remaining"], 2);
                owner.insert(text(&accepted["order_id"]), id);
            }
            Some("fill") => {
                let order = orders.entry(text(&line["client_order_id"])).or_default();
                order.filled += whole(&line["count"], 2);
                // Of what rested; a fill on arrival is not part of what remained.
                if line["is_taker"] == false {
                    order.left -= whole(&line["count"], 2);
                }
            }
            Some("removal") => {
                if let Some(order) = known(&line).and_then(|id| orders.get_mut(&id)) {
                    order.left = 0;
                }
            }
            Some("cancel_request") if line.get("accepted").is_some() => {
                if let Some(order) = known(&line).and_then(|id| orders.get_mut(&id)) {
                    order.left = 0;
                }
            }
            _ => {}
        }
    }
    orders
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
