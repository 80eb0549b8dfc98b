//! How a success is spoilt.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{FaultKind, ResponseShape};

/// The name of the field that no specification knows.
const STRANGE_FIELD: &str = "stand_in_unknown_field";

/// The value that no enumeration knows.
const STRANGE_VALUE: &str = "stand_in_unknown_value";

/// Fields whose values the specification enumerates.
const ENUMERATED: &[&str] = &[
    "action",
    "book_side",
    "collateral_return_type",
    "event_type",
    "fee_type",
    "last_update_reason",
    "market_result",
    "market_type",
    "outcome_side",
    "purchased_side",
    "result",
    "self_trade_prevention_type",
    "settlement_bounds_type",
    "side",
    "status",
    "strike_type",
    "taker_book_side",
    "taker_outcome_side",
    "taker_side",
    "type",
    "usage_tier",
];

/// One change to a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The JSON pointer of the object that is changed.
    object: String,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Remove(String),
    Replace(String),
    Add(Value),
}

impl Mutation {
    /// Changes `body`; whether there was anything to change.
    pub fn apply(&self, body: &mut Value) -> bool {
        let Some(fields) = body.pointer_mut(&self.object).and_then(Value::as_object_mut) else {
            return false;
        };
        match &self.change {
            Change::Remove(name) => fields.remove(name).is_some(),
            Change::Replace(name) => match fields.get_mut(name) {
                Some(value) => {
                    *value = STRANGE_VALUE.into();
                    true
                }
                None => false,
            },
            Change::Add(value) => {
                fields.insert(STRANGE_FIELD.to_owned(), value.clone());
                true
            }
        }
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = &self.object;
        match &self.change {
            Change::Remove(name) => write!(f, "{object}/{name} removed"),
            Change::Replace(name) => write!(f, "{object}/{name} replaced by {STRANGE_VALUE}"),
            Change::Add(value) => write!(f, "{object}/{STRANGE_FIELD} added: {value}"),
        }
    }
}

/// The change that a kind of fault makes to a success, chosen by a uniform draw; nothing where there is nothing to change.
///
/// Whether there is one does not depend on the draw. Kinds other than those that add, replace or remove a field change
/// nothing here. Without a `shape` no field counts as required.
#[must_use]
pub fn mutation(kind: FaultKind, shape: Option<&ResponseShape>, body: &Value, draw: u64) -> Option<Mutation> {
    let mut draws = Draw(draw);
    match kind {
        FaultKind::UnknownField | FaultKind::WsUnknownField => {
            let object = draws.pick(&objects(body, &mut Draw(draw)))?.clone();
            let values = [json!("new"), json!(7), json!(null), json!({ "nested": [1, 2] })];
            let value = draws.pick(&values)?.clone();
            Some(Mutation {
                object,
                change: Change::Add(value),
            })
        }
        FaultKind::UnknownValue => {
            let object = draws.pick(&having(body, enumerated))?.clone();
            let fields = body.pointer(&object)?.as_object()?;
            let name = draws.pick(&enumerated(fields))?.clone();
            Some(Mutation {
                object,
                change: Change::Replace(name),
            })
        }
        FaultKind::MissingField | FaultKind::WsMissingField => {
            let places = required(shape?, body, &mut Draw(draw));
            let (object, name) = draws.pick(&places)?.clone();
            Some(Mutation {
                object,
                change: Change::Remove(name),
            })
        }
        _ => None,
    }
}

/// Successive choices from one draw.
struct Draw(u64);

impl Draw {
    fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(among.len()).ok()?;
        let index = self.0.checked_rem(count)?;
        self.0 /= count;
        among.get(usize::try_from(index).ok()?)
    }
}

/// The body and what lies directly in it: objects, and one object of each array, chosen by the draw.
fn objects(body: &Value, draws: &mut Draw) -> Vec<String> {
    let Some(fields) = body.as_object() else {
        return Vec::new();
    };
    let mut pointers = vec![String::new()];
    for (key, value) in fields {
        match value {
            Value::Object(_) => pointers.push(format!("/{key}")),
            Value::Array(items) => {
                let indices: Vec<usize> = (0..items.len())
                    .filter(|index| items.get(*index).is_some_and(Value::is_object))
                    .collect();
                if let Some(index) = draws.pick(&indices) {
                    pointers.push(format!("/{key}/{index}"));
                }
            }
            _ => {}
        }
    }
    pointers
}

/// The objects of the body, and of arrays in it, that have a wanted field.
fn having(body: &Value, wanted: fn(&Map<String, Value>) -> Vec<String>) -> Vec<String> {
    let Some(fields) = body.as_object() else {
        return Vec::new();
    };
    let has = |value: &Value| value.as_object().is_some_and(|fields| !wanted(fields).is_empty());
    let mut pointers = Vec::new();
    for (key, value) in fields {
        match value {
            Value::Array(items) => pointers.extend(
                items
                    .iter()
                    .enumerate()
                    .filter(|(_, item)| has(item))
                    .map(|(index, _)| format!("/{key}/{index}")),
            ),
            value if has(value) => pointers.push(format!("/{key}")),
            _ => {}
        }
    }
    if has(body) && pointers.is_empty() {
        pointers.push(String::new());
    }
    pointers
}

fn enumerated(fields: &Map<String, Value>) -> Vec<String> {
    fields
        .iter()
        .filter(|(name, value)| value.is_string() && ENUMERATED.contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The required fields that are there: at the top, in the parts, and in one item of each part that is an array.
fn required(shape: &ResponseShape, body: &Value, draws: &mut Draw) -> Vec<(String, String)> {
    let mut places = Vec::new();
    let mut add = |object: &str, value: Option<&Value>, names: &[&str]| {
        let present = |name: &&&str| value.is_some_and(|value| value.get(**name).is_some());
        places.extend(
            names
                .iter()
                .filter(present)
                .map(|name| (object.to_owned(), (*name).to_owned())),
        );
    };
    add("", Some(body), shape.top);
    for (key, names) in shape.parts {
        match body.get(key) {
            Some(Value::Array(items)) => {
                let indices: Vec<usize> = (0..items.len()).collect();
                if let Some(index) = draws.pick(&indices) {
                    add(&format!("/{key}/{index}"), items.get(*index), names);
                }
            }
            part => add(&format!("/{key}"), part, names),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::required_fields;
    use super::*;

    fn orders() -> Value {
        json!({
            "orders": [
                { "order_id": "a", "status": "resting", "ticker": "T" },
                { "order_id": "b", "status": "canceled", "ticker": "T" },
            ],
            "cursor": "",
        })
    }

    fn apply(kind: FaultKind, body: &Value, draw: u64) -> (Value, String) {
        let mutation = mutation(kind, required_fields("GET", "/portfolio/orders"), body, draw).unwrap();
        let mut changed = body.clone();
        assert!(mutation.apply(&mut changed), "{mutation}");
        (changed, mutation.to_string())
    }

    #[test]
    fn every_required_field_is_taken_away_by_some_draw() {
        let mut said: Vec<String> = (0..200)
            .map(|draw| apply(FaultKind::MissingField, &orders(), draw).1)
            .collect();
        said.sort();
        said.dedup();
        for place in [
            "/orders removed",
            "/cursor removed",
            "/orders/0/order_id removed",
            "/orders/1/status removed",
        ] {
            assert!(said.contains(&place.to_owned()), "{place}: {said:?}");
        }
    }

    #[test]
    fn an_enumerated_value_is_replaced_and_nothing_else() {
        for draw in 0..50 {
            let (changed, said) = apply(FaultKind::UnknownValue, &orders(), draw);
            assert!(
                said.ends_with("/status replaced by stand_in_unknown_value"),
                "{said}"
            );
            assert_eq!(changed.to_string().matches(STRANGE_VALUE).count(), 1);
        }
    }

    #[test]
    fn where_nothing_fits_nothing_is_changed() {
        let shape = required_fields("GET", "/portfolio/orders");
        for (kind, body) in [
            (FaultKind::UnknownValue, json!({ "orders": [], "cursor": "" })),
            (FaultKind::MissingField, json!({ "error": "no" })),
            (FaultKind::UnknownField, json!([1])),
            (FaultKind::Latency, orders()),
        ] {
            assert_eq!(mutation(kind, shape, &body, 3), None, "{kind} {body}");
        }
        assert_eq!(mutation(FaultKind::MissingField, None, &orders(), 3), None);
    }

    proptest! {
        #[test]
        fn whether_a_change_is_possible_does_not_depend_on_the_draw(
            draw: u64, items in 0_usize..4, cursor: bool, odd: bool,
        ) {
            let mut body = json!({ "orders": vec![json!({ "order_id": "a", "status": "resting" }); items] });
            if cursor {
                body["cursor"] = json!("");
            }
            if odd && items > 0 {
                body["orders"][0] = json!({ "strange": 1 });
            }
            let shape = required_fields("GET", "/portfolio/orders");
            for kind in [FaultKind::UnknownField, FaultKind::UnknownValue, FaultKind::MissingField] {
                let first = mutation(kind, shape, &body, 0);
                let drawn = mutation(kind, shape, &body, draw);
                prop_assert_eq!(first.is_some(), drawn.is_some());
                if let Some(mutation) = drawn {
                    let mut changed = body.clone();
                    prop_assert!(mutation.apply(&mut changed));
                    prop_assert_ne!(&changed, &body);
                }
            }
        }
    }
}
