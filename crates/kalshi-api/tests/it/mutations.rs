//! Every recorded answer with each of its fields missing or of another type, one at a time and at every depth: what the reader
//! needs is named at its place, and nothing else is missed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::captures::{Capture, Reader, Replay, TABLE, captures};

use Reader as R;

/// The fields that a body must have: the prefix, then each name.
fn required(reader: Reader) -> Vec<(&'static str, &'static [&'static str])> {
    const MARKET: &[&str] = &[
        "can_close_early",
        "close_time",
        "created_time",
        "event_ticker",
        "expiration_value",
        "last_price_dollars",
        "latest_expiration_time",
        "market_type",
        "no_ask_dollars",
        "no_bid_dollars",
        "no_sub_title",
        "notional_value_dollars",
        "open_interest_fp",
        "open_time",
        "price_level_structure",
        "price_ranges",
        "result",
        "rules_primary",
        "rules_secondary",
        "settlement_timer_seconds",
        "status",
        "ticker",
        "updated_time",
        "volume_24h_fp",
        "volume_fp",
        "yes_ask_dollars",
        "yes_ask_size_fp",
        "yes_bid_dollars",
        "yes_bid_size_fp",
        "yes_sub_title",
    ];
    const BAND: &[&str] = &["end", "start", "step"];
    const ORDER: &[&str] = &[
        "book_side",
        "client_order_id",
        "fill_count_fp",
        "initial_count_fp",
        "maker_fees_dollars",
        "maker_fill_cost_dollars",
        "order_id",
        "remaining_count_fp",
        "status",
        "taker_fees_dollars",
        "taker_fill_cost_dollars",
        "ticker",
        "yes_price_dollars",
    ];
    match reader {
        R::Balance => vec![
            ("$", &["balance_dollars", "portfolio_value", "updated_ts"]),
            ("$.balance_breakdown[]", &["balance", "exchange_index"]),
        ],
        R::Book => vec![
            ("$", &["orderbook_fp"]),
            ("$.orderbook_fp", &["no_dollars", "yes_dollars"]),
        ],
        R::Cancel => vec![("$", &["order_id", "reduced_by"])],
        R::Costs => vec![
            ("$", &["default_cost", "endpoint_costs"]),
            ("$.endpoint_costs[]", &["cost", "method", "path"]),
        ],
        R::FeeChanges => vec![("$", &["series_fee_change_arr"])],
        // One of the two times must be there: either may be missing alone.
        R::Fills => vec![
            ("$", &["cursor", "fills"]),
            (
                "$.fills[]",
                &[
                    "book_side",
                    "count_fp",
                    "fee_cost",
                    "fill_id",
                    "is_taker",
                    "order_id",
                    "ticker",
                    "yes_price_dollars",
                ],
            ),
        ],
        R::Limits => vec![
            ("$", &["grants", "read", "usage_tier", "write"]),
            ("$.read", &["bucket_capacity", "refill_rate"]),
            ("$.write", &["bucket_capacity", "refill_rate"]),
        ],
        R::Market => vec![
            ("$", &["market"]),
            ("$.market", MARKET),
            ("$.market.price_ranges[]", BAND),
        ],
        R::Markets => vec![
            ("$", &["cursor", "markets"]),
            ("$.markets[]", MARKET),
            ("$.markets[].price_ranges[]", BAND),
        ],
        R::Order => vec![("$", &["order"]), ("$.order", ORDER)],
        R::Orders => vec![("$", &["cursor", "orders"]), ("$.orders[]", ORDER)],
        R::Place => vec![("$", &["fill_count", "order_id", "remaining_count"])],
        R::Positions => vec![
            ("$", &["event_positions", "market_positions"]),
            (
                "$.event_positions[]",
                &[
                    "event_exposure_dollars",
                    "event_ticker",
                    "fees_paid_dollars",
                    "realized_pnl_dollars",
                    "total_cost_dollars",
                    "total_cost_shares_fp",
                ],
            ),
            (
                "$.market_positions[]",
                &[
                    "fees_paid_dollars",
                    "last_updated_ts",
                    "market_exposure_dollars",
                    "position_fp",
                    "realized_pnl_dollars",
                    "ticker",
                    "total_traded_dollars",
                ],
            ),
        ],
        R::Schedule => {
            const DAYS: &[&str] = &[
                "friday",
                "monday",
                "saturday",
                "sunday",
                "thursday",
                "tuesday",
                "wednesday",
            ];
            const SESSION: &[&str] = &["close_time", "open_time"];
            let mut fields = vec![
                ("$", &["schedule"][..]),
                ("$.schedule", &["maintenance_windows", "standard_hours"]),
                ("$.schedule.standard_hours[]", &["end_time", "start_time"]),
                ("$.schedule.standard_hours[]", DAYS),
            ];
            fields.extend([
                ("$.schedule.standard_hours[].friday[]", SESSION),
                ("$.schedule.standard_hours[].monday[]", SESSION),
                ("$.schedule.standard_hours[].saturday[]", SESSION),
                ("$.schedule.standard_hours[].sunday[]", SESSION),
                ("$.schedule.standard_hours[].thursday[]", SESSION),
                ("$.schedule.standard_hours[].tuesday[]", SESSION),
                ("$.schedule.standard_hours[].wednesday[]", SESSION),
            ]);
            fields
        }
        R::Settlements => vec![("$", &["settlements"])],
        R::Status => vec![("$", &["exchange_active", "trading_active"])],
        R::Trades => vec![
            ("$", &["cursor", "trades"]),
            (
                "$.trades[]",
                &[
                    "count_fp",
                    "created_time",
                    "is_block_trade",
                    "taker_book_side",
                    "ticker",
                    "trade_id",
                    "yes_price_dollars",
                ],
            ),
        ],
        R::Frames => Vec::new(),
    }
}

/// One place in a body: its JSON path, and how to reach it.
#[derive(Debug, Clone)]
struct Place {
    path: String,
    pointer: String,
    /// Whether it is a field, which can be missing.
    field: bool,
}

/// Every place of a body at every depth; of a list, its first element.
fn places(value: &Value, at: &Place, found: &mut Vec<Place>) {
    let mut visit = |step: String, key: &str, field: bool, inner: &Value| {
        let place = Place {
            path: format!("{}{step}", at.path),
            pointer: format!("{}/{key}", at.pointer),
            field,
        };
        places(inner, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                visit(format!(".{key}"), key, true, inner);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                visit("[0]".to_owned(), "0", false, first);
            }
        }
        _ => {}
    }
}

fn removed(body: &Value, place: &Place) -> Value {
    let mut changed = body.clone();
    let (parent, key) = place.pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(key).unwrap();
    changed
}

fn retyped(body: &Value, place: &Place, to: Option<Value>) -> Value {
    let mut changed = body.clone();
    let value = changed.pointer_mut(&place.pointer).unwrap();
    *value = to.unwrap_or_else(|| match value {
        Value::String(_) | Value::Null => json!(7),
        Value::Number(_) | Value::Bool(_) | Value::Object(_) => json!("seven"),
        Value::Array(_) => json!({"0": 1}),
    });
    changed
}

/// The path that an error names.
fn named(error: &str) -> Option<&str> {
    let rest = error.strip_prefix("unexpected answer at ")?;
    rest.split(": ").next()
}

#[tokio::test]
async fn what_is_missing_or_mistyped_is_named_at_its_place() {
    let Some(folder) = captures() else { return };
    let replay = Replay::start().await;
    let mut mutations = 0;
    for (file, reader, _) in TABLE {
        if *reader == R::Frames {
            continue;
        }
        let mut capture = Capture::load(&folder, file);
        if capture.status >= 300 {
            continue;
        }
        // Two items of a listing are as good as two hundred.
        for items in capture
            .body
            .as_object_mut()
            .unwrap()
            .values_mut()
            .filter_map(Value::as_array_mut)
        {
            items.truncate(2);
        }
        let must_have: BTreeSet<String> = required(*reader)
            .iter()
            .flat_map(|(prefix, names)| names.iter().map(move |name| format!("{prefix}.{name}")))
            .collect();
        let root = Place {
            path: "$".to_owned(),
            pointer: String::new(),
            field: false,
        };
        let mut found = Vec::new();
        places(&capture.body, &root, &mut found);
        let mut missed = BTreeSet::new();
        for place in &found {
            let general = place.path.replace("[0]", "[]");
            let is_required = must_have.contains(&general);
            let changes = [
                ("missing", place.field.then(|| removed(&capture.body, place))),
                ("mistyped", Some(retyped(&capture.body, place, None))),
            ];
            for (what, changed) in changes {
                let Some(changed) = changed else { continue };
                replay.set(capture.status, &changed);
                mutations += 1;
                match replay.read(&folder, *reader, &capture).await {
                    Ok(_) => assert!(!is_required, "{file}: {general} {what} was not noticed"),
                    Err(error) => {
                        assert_eq!(
                            named(&error),
                            Some(place.path.as_str()),
                            "{file}: {what}: {error}"
                        );
                        if what == "missing" {
                            missed.insert(general.clone());
                        }
                    }
                }
            }
        }
        assert_eq!(missed, must_have, "{file}");
    }
    assert!(mutations > 500, "{mutations}");
    eprintln!("{mutations} answers with one field missing or mistyped");
}
