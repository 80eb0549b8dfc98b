//! Every answer held against the exchange's published OpenAPI and AsyncAPI documents, when they are beside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::path::PathBuf;

use autotrader_domain::SettlementResult;
use chrono::TimeDelta;
use net::{order_body, post, quote, serve};
use serde_json::{Value, json};
use support::*;

/// A specification document; schemas refer to others inside it.
struct Document(Value);

#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the documents where it is told to"
)]
#[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
fn document(name: &str) -> Option<Document> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(shared.join("kalshi/spec").join(name)) else {
        println!("skipped: {name} is not there; set AUTOTRADER_SHARED to the directory that holds it");
        return None;
    };
    Some(Document(serde_saphyr::from_str(&text).unwrap()))
}

impl Document {
    fn schema(&self, name: &str) -> &Value {
        self.0
            .pointer(&format!("/components/schemas/{name}"))
            .unwrap_or_else(|| panic!("no schema {name}"))
    }

    /// The schema of the answer to a request.
    fn answer(&self, method: &str, path: &str, status: &str) -> &Value {
        &self.0["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    }

    /// What is wrong with a value, each with its place.
    fn faults(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        if let Some(target) = schema["$ref"].as_str() {
            let target = self.0.pointer(target.trim_start_matches('#')).unwrap();
            return self.faults(target, value, place, found);
        }
        if value.is_null() && schema["nullable"] == json!(true) {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.faults(part, value, place, found);
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(kind, value)) {
            found.push(format!("{place}: {value} is not a {kinds:?}"));
            return;
        }
        let allowed = schema["enum"].as_array();
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            found.push(format!("{place}: {value} is not one of {allowed:?}"));
        }
        if schema.get("const").is_some_and(|wanted| wanted != value) {
            found.push(format!("{place}: {value} is not {}", schema["const"]));
        }
        if schema["format"] == "date-time"
            && value
                .as_str()
                .is_none_or(|text| chrono::DateTime::parse_from_rfc3339(text).is_err())
        {
            found.push(format!("{place}: {value} is not a time"));
        }
        for key in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if value.get(key).is_none() {
                found.push(format!("{place}: `{key}` is missing"));
            }
        }
        if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
            for (key, field) in fields {
                let place = format!("{place}.{key}");
                match properties.get(key) {
                    Some(schema) => self.faults(schema, field, &place, found),
                    None => found.push(format!("{place} is not in the specification")),
                }
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if schema.get("items").is_some() {
                self.faults(&schema["items"], item, &format!("{place}[{index}]"), found);
            }
        }
    }

    #[track_caller]
    fn check(&self, schema: &Value, value: &Value, what: &str) {
        assert!(schema.is_object(), "no schema for {what}");
        let mut found = Vec::new();
        self.faults(schema, value, what, &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

#[tokio::test]
async fn rest_answers_are_as_specified() {
    let Some(openapi) = document("openapi.yaml") else {
        return;
    };
    let served = serve().await;
    quote(&served);
    let create = |id: &str, price: &str, tif: &str| order_body(id, "bid", "2.00", price, tif);
    let taken = post(&served, &create("one", "0.5200", "immediate_or_cancel")).await;
    let mut resting = create("two", "0.1000", "good_till_canceled");
    resting["expiration_time"] = json!(after(3_600).timestamp());
    let rested = post(&served, &resting).await;
    let orders = "/portfolio/events/orders";
    openapi.check(openapi.answer("post", orders, "201"), &taken.body, "taken");
    openapi.check(openapi.answer("post", orders, "201"), &rested.body, "rested");
    let id = rested.body["order_id"].as_str().unwrap();
    let check = async |spec: &str, path: &str| {
        let answer = served.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        openapi.check(openapi.answer("get", spec, "200"), &answer.body, path);
    };
    let plain = [
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/series",
        "/series/fee_changes",
        "/events",
        "/markets",
        "/markets/trades",
        "/account/limits",
        "/account/endpoint_costs",
        "/portfolio/balance",
        "/portfolio/positions",
        "/portfolio/fills",
        "/portfolio/orders",
    ];
    for path in plain {
        check(path, path).await;
    }
    for (spec, path) in [
        ("/series/{series_ticker}", "/series/KXLLM1".to_owned()),
        ("/events/{event_ticker}", "/events/KXLLM1-26SEP28".to_owned()),
        ("/events", "/events?with_nested_markets=true".to_owned()),
        ("/markets/{ticker}", format!("/markets/{TOP}")),
        ("/markets/{ticker}/orderbook", format!("/markets/{TOP}/orderbook")),
        (
            "/markets/orderbooks",
            format!("/markets/orderbooks?tickers={TOP}&tickers={LLM}"),
        ),
        ("/portfolio/orders/{order_id}", format!("/portfolio/orders/{id}")),
    ] {
        check(spec, &path).await;
    }
    let cancelled = served.ask("DELETE", &format!("{orders}/{id}"), None).await;
    let schema = openapi.answer("delete", "/portfolio/events/orders/{order_id}", "200");
    openapi.check(schema, &cancelled.body, "cancelled");
    served.clock.advance_to(close());
    served.exchange(|x| {
        x.determine(&t(TOP), SettlementResult::Scalar, p("0.25"), close())
            .unwrap();
    });
    check("/markets/{ticker}", &format!("/markets/{TOP}")).await;
    served.clock.advance_to(close() + TimeDelta::hours(1));
    check("/markets/{ticker}", &format!("/markets/{TOP}")).await;
    let settled = served.get("/portfolio/settlements").await.body;
    assert_eq!(settled["settlements"].as_array().unwrap().len(), 1);
    check("/portfolio/settlements", "/portfolio/settlements").await;
    check(
        "/portfolio/positions",
        "/portfolio/positions?settlement_status=all",
    )
    .await;
}

#[tokio::test]
async fn websocket_messages_are_as_specified() {
    let Some(asyncapi) = document("asyncapi.yaml") else {
        return;
    };
    let served = serve().await;
    quote(&served);
    let mut reader = net::connect(&served).await;
    let channels = [
        "orderbook_delta",
        "trade",
        "fill",
        "user_orders",
        "market_lifecycle_v2",
    ];
    let params = json!({ "channels": channels, "market_tickers": [TOP], "use_yes_price": true });
    reader
        .send(json!({ "id": 1, "cmd": "subscribe", "params": params }))
        .await;
    post(
        &served,
        &order_body("one", "bid", "5.00", "0.5400", "good_till_canceled"),
    )
    .await;
    let add = json!({ "sid": 1, "action": "add_markets", "market_tickers": [LLM] });
    reader
        .send(json!({ "id": 2, "cmd": "update_subscription", "params": add }))
        .await;
    reader
        .send(json!({ "id": 3, "cmd": "unsubscribe", "params": { "sids": [2] } }))
        .await;
    reader.send(json!({ "id": 4, "cmd": "dance" })).await;
    served.exchange(|x| {
        x.add_market(market("KXLLM1-26SEP28-LATE", "KXLLM1-26SEP28", cents()), start())
            .unwrap();
        x.pause_market(&t(TOP), start()).unwrap();
        x.resume_market(&t(TOP), start()).unwrap();
        x.determine(&t(TOP), SettlementResult::Yes, p("1"), start())
            .unwrap();
    });
    served.clock.advance_to(after(1_800));
    reader.send(json!({ "id": 5, "cmd": "list_subscriptions" })).await;
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    loop {
        let message = reader.next().await.unwrap();
        let kind = message["type"].as_str().unwrap().to_owned();
        let is_list = kind == "ok" && message["msg"].is_array();
        let schema = match kind.as_str() {
            "subscribed" => "subscribedResponsePayload",
            "unsubscribed" => "unsubscribedResponsePayload",
            "ok" if is_list => "listSubscriptionsResponsePayload",
            "ok" => "okResponsePayload",
            "error" => "errorResponsePayload",
            "orderbook_snapshot" => "orderbookSnapshotPayload",
            "orderbook_delta" => "orderbookDeltaPayload",
            "trade" => "tradePayload",
            "fill" => "fillPayload",
            "user_order" => "userOrderPayload",
            "market_lifecycle_v2" => "marketLifecycleV2Payload",
            other => panic!("unexpected {other}"),
        };
        asyncapi.check(asyncapi.schema(schema), &message, &kind);
        *kinds.entry(kind).or_default() += 1;
        if is_list {
            break;
        }
    }
    assert_eq!(kinds.len(), 10, "every kind was seen: {kinds:?}");
    assert_eq!(kinds["market_lifecycle_v2"], 6, "created to settled");
}

#[test]
fn the_comparison_notices_what_is_wrong() {
    let document = Document(json!({
        "components": { "schemas": {
            "Side": { "type": "string", "enum": ["bid", "ask"] },
            "Order": {
                "type": "object",
                "required": ["id", "side"],
                "properties": {
                    "id": { "type": "string" },
                    "side": { "$ref": "#/components/schemas/Side" },
                    "at": { "type": "string", "format": "date-time", "nullable": true },
                    "sizes": { "type": "array", "items": { "type": "integer" } },
                },
            },
        } },
    }));
    let count = |value: Value| {
        let mut found = Vec::new();
        document.faults(document.schema("Order"), &value, "order", &mut found);
        found.len()
    };
    assert_eq!(
        count(json!({ "id": "1", "side": "bid", "at": null, "sizes": [1] })),
        0
    );
    assert_eq!(count(json!({ "id": "1" })), 1);
    assert_eq!(count(json!({ "id": 1, "side": "yes" })), 2);
    assert_eq!(
        count(json!({ "id": "1", "side": "ask", "at": "noon", "sizes": [1, "2"], "more": 1 })),
        3
    );
}
