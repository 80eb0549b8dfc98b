//! Every REST answer held against the exchange's published OpenAPI document, when it is beside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
#[path = "support/openapi.rs"]
mod openapi;
mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;

use autotrader_domain::SettlementResult;
use autotrader_simulator::exchange::{FeeModel, FeeTerms};
use chrono::TimeDelta;
use net::{Answer, Served, order_body, quote, serve};
use openapi::{OpenApi, is_an_error};
use serde_json::{Value, json};
use support::*;

/// A served world whose answers are checked as they come.
struct Checked {
    served: Served,
    document: OpenApi,
    patched: Option<OpenApi>,
    covered: RefCell<BTreeSet<String>>,
    /// Refusals with a status that the document does not give the operation.
    undocumented: RefCell<BTreeSet<String>>,
}

impl Checked {
    async fn ask(&self, method: &str, spec: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self
            .served
            .ask(method, path, body.map(Value::to_string).as_deref())
            .await;
        if answer.status < 300 {
            let found = self.document.faults(method, spec, answer.status, &answer.body);
            assert!(
                found.is_empty(),
                "{method} {path} -> {}: {found:#?}\n{}",
                answer.status,
                answer.text
            );
            self.covered.borrow_mut().insert(format!("{method} {spec}"));
            return answer;
        }
        assert!(is_an_error(&answer.body), "{method} {path}: {}", answer.text);
        if self.document.documents(method, spec, answer.status) {
            if let Some(patched) = &self.patched {
                let spec = format!("/trade-api/v2{spec}");
                if patched.describes_body(method, &spec, answer.status) {
                    let found = patched.faults(method, &spec, answer.status, &answer.body);
                    assert!(found.is_empty(), "{method} {path}: {found:#?}");
                }
            }
        } else {
            let what = format!("{method} {spec} {}", answer.status);
            self.undocumented.borrow_mut().insert(what);
        }
        answer
    }

    /// A request that succeeds.
    async fn ok(&self, method: &str, spec: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.ask(method, spec, path, body).await;
        assert!(
            answer.status < 300,
            "{method} {path}: {} {}",
            answer.status,
            answer.text
        );
        answer.body
    }

    async fn get(&self, spec: &str, path: &str) -> Value {
        self.ok("GET", spec, path, None).await
    }

    /// A path without parameters.
    async fn plain(&self, path: &str) -> Value {
        let spec = path.split('?').next().unwrap();
        self.get(spec, path).await
    }

    /// A request that is refused with a status.
    async fn refused(&self, status: u16, method: &str, spec: &str, path: &str, body: Option<&Value>) {
        let answer = self.ask(method, spec, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
}

async fn checked() -> Option<Checked> {
    let document = OpenApi::read("openapi.yaml")?;
    let served = serve().await;
    quote(&served);
    Some(Checked {
        served,
        document,
        patched: OpenApi::read("openapi.basepath-patched.yaml"),
        covered: RefCell::default(),
        undocumented: RefCell::default(),
    })
}

const ORDERS: &str = "/portfolio/events/orders";
const ORDER: &str = "/portfolio/events/orders/{order_id}";
const BATCH: &str = "/portfolio/events/orders/batched";

fn resting(id: &str, price: &str) -> Value {
    order_body(id, "bid", "2.00", price, "good_till_canceled")
}

async fn trade(x: &Checked) {
    let taking = order_body("one", "bid", "2.00", "0.5200", "immediate_or_cancel");
    x.ok("POST", ORDERS, ORDERS, Some(&taking)).await;
    let mut expiring = resting("two", "0.1000");
    expiring["expiration_time"] = json!(after(3_600).timestamp());
    let rested = x.ok("POST", ORDERS, ORDERS, Some(&expiring)).await;
    let id = rested["order_id"].as_str().unwrap();
    x.get("/portfolio/orders/{order_id}", &format!("/portfolio/orders/{id}"))
        .await;
    x.plain("/portfolio/orders").await;
    x.ok("DELETE", ORDER, &format!("{ORDERS}/{id}"), None).await;
    let unsound = resting("three", "0.5150");
    let batch = json!({ "orders": [resting("four", "0.1100"), unsound, resting("four", "0.1200")] });
    let made = x.ok("POST", BATCH, BATCH, Some(&batch)).await;
    let items = made["orders"].as_array().unwrap();
    let codes: Vec<&Value> = items.iter().map(|item| &item["error"]["code"]).collect();
    assert_eq!(
        codes,
        [
            &Value::Null,
            &json!("invalid_price"),
            &json!("order_already_exists")
        ]
    );
    assert_eq!(items[1]["client_order_id"], "three");
    let cancels = json!({ "orders": [
        { "order_id": items[0]["order_id"] },
        { "order_id": items[0]["order_id"], "market_ticker": TOP },
    ] });
    let gone = x.ok("DELETE", BATCH, BATCH, Some(&cancels)).await;
    assert_eq!(gone["orders"][0]["reduced_by"], "2.00");
    assert_eq!(
        (
            &gone["orders"][1]["reduced_by"],
            &gone["orders"][1]["error"]["code"]
        ),
        (&json!("0.00"), &json!("not_found"))
    );
    x.ok("POST", ORDERS, ORDERS, Some(&resting("five", "0.1000")))
        .await;
    let worth = x.plain("/portfolio/summary/total_resting_order_value").await;
    assert_eq!(worth["total_resting_order_value"], 20);
    x.ok("DELETE", ORDERS, ORDERS, None).await;
}

async fn change(x: &Checked) {
    let rested = x
        .ok("POST", ORDERS, ORDERS, Some(&resting("amended", "0.1000")))
        .await;
    let path = format!("{ORDERS}/{}", rested["order_id"].as_str().unwrap());
    let queue = x
        .get(
            "/portfolio/orders/{order_id}/queue_position",
            &format!(
                "/portfolio/orders/{}/queue_position",
                rested["order_id"].as_str().unwrap()
            ),
        )
        .await;
    assert_eq!(
        queue["queue_position_fp"], "10.25",
        "both of the maker's bids come first"
    );
    let amend =
        |price: &str, count: &str| json!({ "ticker": TOP, "side": "bid", "price": price, "count": count });
    let spec = "/portfolio/events/orders/{order_id}/amend";
    let to = format!("{path}/amend");
    let larger = x.ok("POST", spec, &to, Some(&amend("0.1100", "3.00"))).await;
    assert_eq!(larger["remaining_count"], "3.00");
    let crossing = x.ok("POST", spec, &to, Some(&amend("0.5200", "6.00"))).await;
    assert_eq!(
        (&crossing["fill_count"], &crossing["average_fill_price"]),
        (&json!("3.00"), &json!("0.5200"))
    );
    let mut expiring = amend("0.5200", "6.00");
    expiring["expiration_time"] = json!(after(3_600).timestamp());
    expiring["updated_client_order_id"] = json!("renamed");
    let renamed = x.ok("POST", spec, &to, Some(&expiring)).await;
    assert_eq!(renamed["client_order_id"], "renamed");
    let elsewhere = json!({ "ticker": TOP_B, "side": "bid", "price": "0.1000", "count": "4.00" });
    x.refused(400, "POST", spec, &to, Some(&elsewhere)).await;
    x.refused(
        404,
        "POST",
        spec,
        "/portfolio/events/orders/x/amend",
        Some(&amend("0.1000", "1.00")),
    )
    .await;
    let spec = "/portfolio/events/orders/{order_id}/decrease";
    let to = format!("{path}/decrease");
    let by = x
        .ok("POST", spec, &to, Some(&json!({ "reduce_by": "1.00" })))
        .await;
    assert_eq!(by["remaining_count"], "2.00");
    let least = x
        .ok("POST", spec, &to, Some(&json!({ "reduce_to": "1.00" })))
        .await;
    assert_eq!(least["remaining_count"], "1.00");
    for both_or_none in [json!({}), json!({ "reduce_to": "1.00", "reduce_by": "1.00" })] {
        x.refused(400, "POST", spec, &to, Some(&both_or_none)).await;
    }
    let all = x.plain("/portfolio/orders/queue_positions").await;
    assert_eq!(all["queue_positions"].as_array().unwrap().len(), 1);
    let none = x
        .plain("/portfolio/orders/queue_positions?event_ticker=KXLLM1-26SEP28")
        .await;
    assert_eq!(none["queue_positions"], json!([]));
    x.ok("DELETE", ORDER, &path, None).await;
}

async fn group(x: &Checked) {
    let create = "/portfolio/order_groups/create";
    let made = x
        .ok(
            "POST",
            create,
            create,
            Some(&json!({ "contracts_limit_fp": "5.00" })),
        )
        .await;
    let id = made["order_group_id"].as_str().unwrap();
    let spec = "/portfolio/order_groups/{order_group_id}";
    let path = format!("/portfolio/order_groups/{id}");
    let mut order = resting("grouped", "0.1000");
    order["order_group_id"] = id.into();
    let rested = x.ok("POST", ORDERS, ORDERS, Some(&order)).await;
    let read = x.get(spec, &path).await;
    assert_eq!(read["orders"], json!([rested["order_id"]]));
    let order = x
        .get(
            "/portfolio/orders/{order_id}",
            &format!("/portfolio/orders/{}", rested["order_id"].as_str().unwrap()),
        )
        .await;
    assert_eq!(order["order"]["order_group_id"], *id);
    let step = async |word: &str, body: Value| {
        x.ok(
            "PUT",
            &format!("{spec}/{word}"),
            &format!("{path}/{word}"),
            Some(&body),
        )
        .await
    };
    step("limit", json!({ "contracts_limit": 7 })).await;
    step("trigger", json!({})).await;
    let triggered = x.get(spec, &path).await;
    assert_eq!(
        (&triggered["orders"], &triggered["contracts_limit_fp"]),
        (&json!([]), &json!("7.00"))
    );
    step("reset", json!({})).await;
    let listed = x.plain("/portfolio/order_groups").await;
    assert_eq!(listed["order_groups"].as_array().unwrap().len(), 1);
    x.refused(
        400,
        "PUT",
        &format!("{spec}/limit"),
        &format!("{path}/limit"),
        Some(&json!({ "contracts_limit": 7, "contracts_limit_fp": "8.00" })),
    )
    .await;
    x.ok("DELETE", spec, &path, None).await;
    x.refused(404, "DELETE", spec, &path, None).await;
    x.refused(400, "POST", create, create, Some(&json!({}))).await;
}

async fn change_fees(x: &Checked) {
    let terms = FeeTerms {
        model: FeeModel::QuadraticWithMakerFees,
        multiplier_millionths: 500_000,
    };
    x.served.exchange(|exchange| {
        let series = "KXTOPMODEL".parse().unwrap();
        exchange
            .schedule_fee_change(&series, terms, after(86_400), start())
            .unwrap();
        let event = "KXTOPMODEL-26SEP28".parse().unwrap();
        exchange
            .set_event_fee_override(&event, Some(terms), start(), start())
            .unwrap();
        exchange
            .set_event_fee_override(&event, None, after(90_000), start())
            .unwrap();
    });
    let series = x.plain("/series/fee_changes?series_ticker=KXTOPMODEL").await;
    assert_eq!(series["series_fee_change_arr"][0]["fee_multiplier"], json!(0.5));
    let events = x.plain("/events/fee_changes?limit=1").await;
    assert_eq!(
        events["event_fee_changes"][0]["fee_type_override"],
        "quadratic_with_maker_fees"
    );
    let next = format!(
        "/events/fee_changes?cursor={}",
        events["cursor"].as_str().unwrap()
    );
    let ended = x.plain(&next).await;
    assert_eq!(ended["event_fee_changes"][0]["fee_type_override"], Value::Null);
    let event = x
        .get("/events/{event_ticker}", "/events/KXTOPMODEL-26SEP28")
        .await;
    assert_eq!(event["event"]["fee_multiplier_override"], json!(0.5));
}

async fn net(x: &Checked) {
    let path = "/portfolio/subaccounts/netting";
    let off = x.plain(path).await;
    assert_eq!(off["netting_configs"][0]["enabled"], json!(false));
    let on = json!({ "subaccount_number": 0, "enabled": true });
    x.ok("PUT", path, path, Some(&on)).await;
    assert_eq!(x.plain(path).await["netting_configs"][0]["enabled"], json!(true));
    let other = json!({ "subaccount_number": 1, "enabled": true });
    x.refused(400, "PUT", path, path, Some(&other)).await;
}

async fn read_listings(x: &Checked) {
    for path in [
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/series",
        "/series?include_volume=true",
        "/series/fee_changes",
        "/events",
        "/events?with_nested_markets=true",
        "/events/fee_changes",
        "/markets",
        "/markets/trades",
        "/account/limits",
        "/account/endpoint_costs",
        "/incentive_programs",
        "/historical/cutoff",
        "/historical/markets",
        "/historical/trades",
        "/historical/fills",
        "/historical/orders",
        "/historical/positions",
    ] {
        x.plain(path).await;
    }
    x.get("/series/{series_ticker}", "/series/KXLLM1").await;
    x.get("/events/{event_ticker}", "/events/KXLLM1-26SEP28").await;
    x.get(
        "/events/{event_ticker}",
        "/events/KXLLM1-26SEP28?with_nested_markets=true",
    )
    .await;
    x.get(
        "/events/{event_ticker}",
        "/events/KXLLM1-26SEP28?exclude_markets=true",
    )
    .await;
    x.get(
        "/events/{event_ticker}/metadata",
        "/events/KXLLM1-26SEP28/metadata",
    )
    .await;
    x.get("/markets/{ticker}", &format!("/markets/{TOP}")).await;
    x.get(
        "/markets/{ticker}/orderbook",
        &format!("/markets/{TOP}/orderbook"),
    )
    .await;
    x.plain(&format!("/markets/orderbooks?tickers={TOP}&tickers={LLM}"))
        .await;
}

async fn read_candles(x: &Checked) {
    let from = start().timestamp();
    let window = format!(
        "start_ts={from}&end_ts={}&period_interval=1&include_latest_before_start=true",
        from + 600
    );
    let one = x
        .get(
            "/series/{series_ticker}/markets/{ticker}/candlesticks",
            &format!("/series/KXTOPMODEL/markets/{TOP}/candlesticks?{window}"),
        )
        .await;
    assert!(!one["candlesticks"].as_array().unwrap().is_empty());
    x.plain(&format!(
        "/markets/candlesticks?market_tickers={TOP},{LLM}&{window}"
    ))
    .await;
    x.get(
        "/series/{series_ticker}/events/{ticker}/candlesticks",
        &format!("/series/KXTOPMODEL/events/KXTOPMODEL-26SEP28/candlesticks?{window}"),
    )
    .await;
}

async fn read_account(x: &Checked) {
    for path in [
        "/portfolio/balance",
        "/portfolio/positions",
        "/portfolio/fills",
        "/portfolio/orders",
        "/portfolio/deposits",
        "/portfolio/withdrawals",
        "/portfolio/subaccounts/balances",
        "/portfolio/subaccounts/transfers",
        "/api_keys",
    ] {
        x.plain(path).await;
    }
}

async fn be_refused(x: &Checked) {
    for (status, method, spec, path) in [
        (400, "GET", "/markets", "/markets?limit=1001"),
        (400, "GET", "/events", "/events?limit=201"),
        (
            400,
            "GET",
            "/markets/orderbooks",
            "/markets/orderbooks?tickers=A,B",
        ),
        (404, "GET", "/markets/{ticker}", "/markets/KXNONE-1-A"),
        (404, "GET", "/events/{event_ticker}", "/events/KXNONE-1"),
        (404, "GET", "/portfolio/orders/{order_id}", "/portfolio/orders/x"),
        (404, "DELETE", ORDER, "/portfolio/events/orders/x"),
        (400, "POST", BATCH, BATCH),
        (400, "DELETE", BATCH, BATCH),
        (400, "POST", ORDERS, ORDERS),
        (400, "GET", "/portfolio/fills", "/portfolio/fills?limit=1001"),
        (400, "GET", "/portfolio/deposits", "/portfolio/deposits?limit=501"),
        (
            404,
            "GET",
            "/historical/markets/{ticker}",
            "/historical/markets/X-1-A",
        ),
    ] {
        let body = (method != "GET").then(|| json!({}));
        x.refused(status, method, spec, path, body.as_ref()).await;
    }
    let far = order_body("six", "bid", "100000.00", "0.9900", "good_till_canceled");
    x.refused(400, "POST", ORDERS, ORDERS, Some(&far)).await;
    let again = order_body("one", "bid", "1.00", "0.0100", "good_till_canceled");
    x.refused(409, "POST", ORDERS, ORDERS, Some(&again)).await;
    let kill = order_body("seven", "bid", "500.00", "0.5300", "fill_or_kill");
    x.refused(409, "POST", ORDERS, ORDERS, Some(&kill)).await;
}

async fn settle(x: &Checked) {
    x.served.clock.advance_to(close());
    x.served.exchange(|x| {
        x.determine(&t(TOP), SettlementResult::Scalar, p("0.25"), close())
            .unwrap();
    });
    x.get("/markets/{ticker}", &format!("/markets/{TOP}")).await;
    x.served.clock.advance_to(close() + TimeDelta::hours(1));
    x.get("/markets/{ticker}", &format!("/markets/{TOP}")).await;
    let settled = x.plain("/portfolio/settlements").await;
    assert_eq!(settled["settlements"].as_array().unwrap().len(), 1);
    x.plain("/portfolio/positions?settlement_status=all").await;
}

#[tokio::test]
async fn rest_answers_are_as_specified() {
    let Some(x) = checked().await else {
        return;
    };
    change(&x).await;
    group(&x).await;
    trade(&x).await;
    change_fees(&x).await;
    net(&x).await;
    read_listings(&x).await;
    x.served.clock.advance_to(after(600));
    read_candles(&x).await;
    read_account(&x).await;
    be_refused(&x).await;
    settle(&x).await;
    let surface = x.document.trading_surface();
    let covered = x.covered.borrow();
    let left: Vec<&String> = surface.difference(&covered).collect();
    println!(
        "{} of {} operations of the trading surface are covered by the stand-in; not covered:",
        surface.intersection(&covered).count(),
        surface.len()
    );
    for operation in &left {
        println!("  {operation}");
    }
    println!("refusals with a status that the document does not name:");
    for refusal in x.undocumented.borrow().iter() {
        println!("  {refusal}");
    }
    let known: BTreeSet<&str> = NOT_COVERED.into_iter().collect();
    let found: BTreeSet<&str> = left.iter().map(|operation| operation.as_str()).collect();
    assert_eq!(found, known, "the list of what is not covered is kept up to date");
}

/// Operations of the trading surface that the stand-in does not answer, or not with success.
const NOT_COVERED: [&str; 10] = [
    "DELETE /api_keys/{api_key}",
    "GET /account/api_usage_level/volume_progress",
    "GET /historical/markets/{ticker}",
    "GET /historical/markets/{ticker}/candlesticks",
    "GET /series/{series_ticker}/events/{ticker}/forecast_percentile_history",
    "POST /account/api_usage_level/upgrade",
    "POST /api_keys",
    "POST /api_keys/generate",
    "POST /portfolio/subaccounts",
    "POST /portfolio/subaccounts/transfer",
];

#[test]
fn the_comparison_notices_what_is_wrong() {
    let document = OpenApi::of(json!({
        "components": { "schemas": {
            "Side": { "type": "string", "enum": ["bid", "ask"] },
            "Order": {
                "type": "object",
                "required": ["id", "side"],
                "properties": {
                    "id": { "type": "string" },
                    "side": { "$ref": "#/components/schemas/Side" },
                    "other": { "$ref": "#/components/schemas/Side", "nullable": true },
                    "at": { "type": "string", "format": "date-time", "nullable": true },
                    "sizes": { "type": "array", "items": { "type": "integer" } },
                },
            },
        } },
        "paths": { "/o": { "get": { "responses": { "200": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Order" },
        } } } } } } },
    }));
    for (value, wrong) in [
        (
            json!({ "id": "1", "side": "bid", "at": null, "other": null, "sizes": [1] }),
            0,
        ),
        (json!({ "id": "1" }), 1),
        (json!({ "id": 1, "side": "yes" }), 2),
        (json!({ "id": "1", "side": null }), 2),
        (
            json!({ "id": "1", "side": "ask", "at": "noon", "sizes": [1, "2"] }),
            2,
        ),
        (json!({ "id": "1", "side": "ask", "more": 1 }), 1),
    ] {
        assert_eq!(document.faults("GET", "/o", 200, &value).len(), wrong, "{value}");
    }
    assert_eq!(document.faults("GET", "/o", 404, &json!({})).len(), 1);
    assert_eq!(document.trading_surface().len(), 1);
}
