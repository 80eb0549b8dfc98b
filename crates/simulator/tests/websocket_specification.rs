//! Every WebSocket message held against the exchange's published AsyncAPI document, when it is beside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use autotrader_domain::SettlementResult;
use autotrader_simulator::exchange::{FeeModel, FeeTerms, PriceStructure};
use net::{Reader, Served, connect, order_body, post, quote, serve};
use serde_json::{Value, json};
use support::*;

/// The channels of the trading surface; quotes on request, combinations and reference prices are beside it.
const CHANNELS: [&str; 8] = [
    "orderbook_delta",
    "ticker",
    "trade",
    "fill",
    "market_positions",
    "market_lifecycle_v2",
    "user_orders",
    "order_group_updates",
];

#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the documents where it is told to"
)]
#[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
fn asyncapi() -> Option<Value> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(shared.join("kalshi/spec/asyncapi.yaml")) else {
        println!("skipped: asyncapi.yaml is not there; set AUTOTRADER_SHARED to the directory that holds it");
        return None;
    };
    Some(serde_saphyr::from_str(&text).unwrap())
}

/// The messages of the trading surface: their name in the document and the schema of their payload.
struct Document {
    whole: Value,
    payloads: BTreeMap<String, String>,
    validators: BTreeMap<String, jsonschema::Validator>,
    seen: BTreeSet<String>,
}

impl Document {
    fn new(whole: Value) -> Self {
        let mut payloads = BTreeMap::new();
        let mut take = |reference: &Value| {
            let name = reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let payload = &whole["components"]["messages"][name]["payload"];
            if let Some(schema) = payload["$ref"].as_str() {
                payloads.insert(name.to_owned(), schema.rsplit('/').next().unwrap().to_owned());
            }
        };
        for channel in CHANNELS {
            whole["channels"][channel]["messages"]
                .as_object()
                .unwrap()
                .values()
                .for_each(&mut take);
        }
        whole["channels"]["root"]["messages"]
            .as_object()
            .unwrap()
            .values()
            .filter(|reference| reference["$ref"].as_str().unwrap().ends_with("Response"))
            .for_each(&mut take);
        let validators = payloads
            .values()
            .map(|schema| {
                let document = json!({
                    "$ref": format!("#/components/schemas/{schema}"),
                    "components": { "schemas": whole["components"]["schemas"] },
                });
                let validator = jsonschema::draft202012::options()
                    .should_validate_formats(true)
                    .build(&document)
                    .unwrap();
                (schema.clone(), validator)
            })
            .collect();
        Self {
            whole,
            payloads,
            validators,
            seen: BTreeSet::new(),
        }
    }

    fn schema<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(target) => self.schema(self.whole.pointer(target.trim_start_matches('#')).unwrap()),
            None => schema,
        }
    }

    /// The fields that the schema does not name.
    fn strangers(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        let schema = self.schema(schema);
        if let (Some(known), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
            for (name, field) in fields {
                match known.get(name) {
                    Some(schema) => self.strangers(schema, field, &format!("{place}/{name}"), found),
                    None => found.push(format!("{place}/{name}")),
                }
            }
        }
        for item in value.as_array().into_iter().flatten() {
            self.strangers(&schema["items"], item, place, found);
        }
    }

    fn faults(&self, message: &str, value: &Value) -> Vec<String> {
        let schema = self
            .payloads
            .get(message)
            .unwrap_or_else(|| panic!("{message} is not of the surface"));
        let mut found: Vec<String> = self.validators[schema]
            .iter_errors(value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        let root = json!({ "$ref": format!("#/components/schemas/{schema}") });
        self.strangers(&root, value, "", &mut found);
        found
    }

    #[track_caller]
    fn check(&mut self, value: &Value) {
        let name = message_name(value);
        let found = self.faults(name, value);
        assert!(found.is_empty(), "{name} {value}: {found:#?}");
        self.seen.insert(name.to_owned());
    }
}

/// The document's name of a message.
fn message_name(value: &Value) -> &'static str {
    match value["type"].as_str().unwrap() {
        "subscribed" => "subscribedResponse",
        "unsubscribed" => "unsubscribedResponse",
        "ok" if value["msg"].is_array() => "listSubscriptionsResponse",
        "ok" => "okResponse",
        "error" => "errorResponse",
        "orderbook_snapshot" => "orderbookSnapshot",
        "orderbook_delta" => "orderbookDelta",
        "ticker" => "ticker",
        "trade" => "trade",
        "fill" => "fill",
        "market_position" => "marketPosition",
        "user_order" => "userOrder",
        "market_lifecycle_v2" if value["msg"]["event_type"] == "metadata_updated" => "marketMetadataUpdated",
        "market_lifecycle_v2" => "marketLifecycleV2",
        "event_lifecycle" => "eventLifecycle",
        "event_fee_update" => "eventFeeUpdate",
        "order_group_updates" => "orderGroupUpdates",
        other => panic!("unexpected {other}"),
    }
}

/// Lets every kind of thing happen that a channel tells.
async fn let_everything_happen(served: &Served) {
    let taken = order_body("one", "bid", "5.00", "0.5400", "good_till_canceled");
    assert_eq!(post(served, &taken).await.status, 201);
    let mut resting = order_body("two", "bid", "1.00", "0.1000", "good_till_canceled");
    resting["expiration_time"] = json!(after(60).timestamp());
    assert_eq!(post(served, &resting).await.status, 201);
    let trader = served.trader;
    served.exchange(|x| {
        let group = x.create_order_group(trader, c("10"), start()).unwrap().id;
        x.set_order_group_limit(trader, group, c("20"), start()).unwrap();
        let mut grouped = bid(TOP, "2", "0.20");
        grouped.order_group_id = Some(group);
        grouped.client_order_id = Some("grouped".to_owned());
        x.submit(trader, grouped, start()).unwrap();
        x.trigger_order_group(trader, group, start()).unwrap();
        x.reset_order_group(trader, group, start()).unwrap();
        x.delete_order_group(trader, group, start()).unwrap();
        let event = "KXLLM1-26SEP28".parse().unwrap();
        let terms = FeeTerms {
            model: FeeModel::Quadratic,
            multiplier_millionths: 500_000,
        };
        x.set_event_fee_override(&event, Some(terms), start(), start())
            .unwrap();
        x.set_event_fee_override(&event, None, start(), start()).unwrap();
        let listing = autotrader_simulator::exchange::EventListing {
            ticker: "KXLLM1-26OCT05".parse().unwrap(),
            series: "KXLLM1".parse().unwrap(),
            title: "Another week".to_owned(),
            sub_title: "On Oct 5".to_owned(),
            mutually_exclusive: true,
            strike_date: Some(close()),
        };
        x.add_event(listing, start()).unwrap();
        x.add_market(market("KXLLM1-26OCT05-LATE", "KXLLM1-26OCT05", cents()), start())
            .unwrap();
        x.update_price_levels(&t(LLM), PriceStructure::tapered_deci_cent(), start())
            .unwrap();
        x.update_metadata(&t(LLM), "another label", None, start())
            .unwrap();
        x.pause_market(&t(TOP_B), start()).unwrap();
        x.resume_market(&t(TOP_B), start()).unwrap();
    });
    served.clock.advance_to(after(120));
    served.exchange(|x| {
        x.determine(&t(TOP), SettlementResult::Yes, p("1"), after(120))
            .unwrap();
    });
    served.clock.advance_to(after(4_000));
}

#[tokio::test]
async fn every_message_is_as_specified() {
    let Some(whole) = asyncapi() else { return };
    let mut document = Document::new(whole);
    let served = serve().await;
    quote(&served);
    let mut reader = connect(&served).await;
    let params = json!({
        "channels": CHANNELS, "market_tickers": [TOP, TOP_B], "use_yes_price": true, "send_initial_snapshot": true,
    });
    reader
        .send(json!({ "id": 1, "cmd": "subscribe", "params": params }))
        .await;
    let update = |id: u64, sid: u64, action: &str| {
        let params = json!({ "sid": sid, "action": action, "market_tickers": [LLM] });
        json!({ "id": id, "cmd": "update_subscription", "params": params })
    };
    for command in [
        update(2, 1, "add_markets"),
        update(3, 1, "get_snapshot"),
        update(4, 2, "add_markets"),
        update(5, 6, "add_markets"),
        json!({ "id": 6, "cmd": "dance" }),
    ] {
        reader.send(command).await;
    }
    // Everything up to the last answer, so that what happens next finds the subscriptions there.
    drain(&mut reader, &mut document, 7).await;
    let_everything_happen(&served).await;
    drain(&mut reader, &mut document, 8).await;
    reader
        .send(json!({ "id": 9, "cmd": "unsubscribe", "params": { "sids": [1, 2, 3] } }))
        .await;
    drain(&mut reader, &mut document, 10).await;
    let missing: Vec<&String> = document
        .payloads
        .keys()
        .filter(|name| !document.seen.contains(*name))
        .collect();
    println!(
        "WebSocket messages of the trading surface: {} covered, not covered: {missing:?}",
        document.seen.len()
    );
    // Reference prices are not served, so nobody can narrow them.
    assert_eq!(
        missing,
        ["subscribedIndicesResponse", "subscribedUnderlyingsResponse"]
    );
}

/// Checks everything up to the answer to a listing.
async fn drain(reader: &mut Reader, document: &mut Document, id: u64) {
    reader
        .send(json!({ "id": id, "cmd": "list_subscriptions" }))
        .await;
    loop {
        let message = reader.next().await.unwrap();
        document.check(&message);
        if message["id"] == id {
            return;
        }
    }
}

#[test]
fn the_comparison_notices_what_is_wrong() {
    let Some(whole) = asyncapi() else { return };
    let document = Document::new(whole);
    let sound = json!({
        "type": "orderbook_delta", "sid": 1, "seq": 2,
        "msg": {
            "market_ticker": TOP, "market_id": "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1", "clock": 1,
            "price_dollars": "0.9600", "delta_fp": "-54.00", "side": "yes",
        },
    });
    assert_eq!(document.faults("orderbookDelta", &sound), Vec::<String>::new());
    for (pointer, wrong) in [
        ("/sid", json!("1")),
        ("/seq", json!(0)),
        ("/msg/side", json!("bid")),
        ("/msg/price_dollars", json!(0.96)),
        ("/msg/market_id", json!("nine")),
        ("/msg/clock", json!(0)),
    ] {
        let mut spoilt = sound.clone();
        *spoilt.pointer_mut(pointer).unwrap() = wrong;
        assert!(
            !document.faults("orderbookDelta", &spoilt).is_empty(),
            "{pointer}"
        );
    }
    let mut extra = sound.clone();
    extra["msg"]["weather"] = json!(1);
    assert_eq!(document.faults("orderbookDelta", &extra), ["/msg/weather"]);
    let mut short = sound;
    short["msg"].as_object_mut().unwrap().remove("side");
    assert!(!document.faults("orderbookDelta", &short).is_empty());
}
