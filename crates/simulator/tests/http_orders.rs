//! Orders over loopback: fills, cancels, refusals, strictness, faults.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/net.rs"]
mod net;
mod support;

use autotrader_simulator::Faults;
use net::{order_body, post, quote, serve};
use serde_json::{Value, json};
use support::*;

#[tokio::test]
async fn a_taker_is_filled_and_every_read_agrees() {
    let served = serve().await;
    quote(&served);
    let answer = post(
        &served,
        &order_body("one", "bid", "1.00", "0.9900", "immediate_or_cancel"),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let order_id = answer.body["order_id"].as_str().unwrap().to_owned();
    let mut expected = answer.body.clone();
    for (key, value) in [
        ("client_order_id", "one"),
        ("fill_count", "1.00"),
        ("remaining_count", "0.00"),
        ("average_fill_price", "0.5200"),
        ("average_fee_paid", "0.0175"),
    ] {
        expected[key] = value.into();
    }
    assert_eq!(answer.body, expected);
    assert!(answer.body["ts_ms"].is_i64());

    let fills = served.get("/portfolio/fills").await.body;
    assert_eq!(fills["cursor"], "");
    assert_eq!(fills["fills"].as_array().unwrap().len(), 1);
    let fill = &fills["fills"][0];
    assert_eq!(
        (
            &fill["fee_cost"],
            &fill["count_fp"],
            &fill["yes_price_dollars"],
            &fill["is_taker"]
        ),
        (&json!("0.017500"), &json!("1.00"), &json!("0.5200"), &json!(true))
    );
    assert_eq!(
        (&fill["order_id"], &fill["outcome_side"]),
        (&json!(order_id), &json!("yes"))
    );

    let order = served.get(&format!("/portfolio/orders/{order_id}")).await.body;
    assert_eq!(order["order"]["status"], "executed");
    assert_eq!(order["order"]["taker_fill_cost_dollars"], "0.520000");

    let balance = served.get("/portfolio/balance").await.body;
    assert_eq!(balance["balance_dollars"], "999.4625");
    assert_eq!(balance["balance"], 99_946);
    assert_eq!(
        balance["balance_breakdown"],
        json!([{ "exchange_index": 0, "balance": "999.4625" }])
    );

    let positions = served.get("/portfolio/positions").await.body;
    assert_eq!(positions["market_positions"][0]["position_fp"], "1.00");
    assert_eq!(
        positions["market_positions"][0]["market_exposure_dollars"],
        "0.520000"
    );
    assert_eq!(
        positions["event_positions"][0]["event_exposure_dollars"],
        "0.520000"
    );

    let trades = served.get(&format!("/markets/trades?ticker={TOP}")).await.body;
    assert_eq!(trades["trades"][0]["taker_book_side"], "bid");
    assert_eq!(trades["trades"][0]["trade_id"], fill["trade_id"]);
}

#[tokio::test]
async fn orders_rest_are_listed_and_cancelled_once() {
    let served = serve().await;
    let answer = post(
        &served,
        &order_body("rest", "ask", "2.50", "0.6000", "good_till_canceled"),
    )
    .await;
    let id = answer.body["order_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.body["remaining_count"], "2.50");
    assert!(answer.body.get("average_fill_price").is_none());
    let listed = served.get("/portfolio/orders?status=resting").await.body;
    assert_eq!(listed["orders"][0]["order_id"], id.as_str());
    assert_eq!(listed["orders"][0]["book_side"], "ask");
    assert_eq!(listed["orders"][0]["yes_price_dollars"], "0.6000");
    assert_eq!(listed["orders"][0]["no_price_dollars"], "0.4000");
    let wrong = served
        .ask(
            "DELETE",
            &format!("/portfolio/events/orders/{id}?market_ticker=OTHER"),
            None,
        )
        .await;
    assert_eq!(
        (wrong.status, &wrong.body["error"]["code"]),
        (400, &json!("order_ticker_mismatch"))
    );
    let path = format!("/portfolio/events/orders/{id}?market_ticker={TOP}&exchange_index=0");
    let gone = served.ask("DELETE", &path, None).await;
    assert_eq!((gone.status, &gone.body["reduced_by"]), (200, &json!("2.50")));
    let again = served.ask("DELETE", &path, None).await;
    let unknown = served
        .ask(
            "DELETE",
            "/portfolio/events/orders/00000000-0000-0000-0000-000000000000",
            None,
        )
        .await;
    assert_eq!(
        (again.status, &again.text),
        (404, &unknown.text),
        "finished and unknown look the same"
    );
    assert_eq!(
        again.body,
        json!({ "error": { "code": "not_found", "message": "not found" } })
    );
    assert_eq!(
        served.get("/portfolio/orders?status=canceled").await.body["orders"][0]["status"],
        "canceled"
    );
}

#[tokio::test]
async fn cancel_all_takes_everything_off() {
    let served = serve().await;
    for (n, price) in ["0.10", "0.11", "0.12"].iter().enumerate() {
        post(
            &served,
            &order_body(&format!("o{n}"), "bid", "1", price, "good_till_canceled"),
        )
        .await;
    }
    let answer = served.ask("DELETE", "/portfolio/events/orders", None).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(
        served.get("/portfolio/orders?status=resting").await.body["orders"],
        json!([])
    );
}

#[tokio::test]
async fn refusals_have_the_captured_bodies() {
    let served = serve().await;
    quote(&served);
    let check = async |body: Value, status: u16, expected: Value| {
        let answer = post(&served, &body).await;
        assert_eq!((answer.status, &answer.body), (status, &expected), "{body}");
    };
    let nested = |code: &str, details: Option<&str>| {
        let mut error = json!({ "code": code, "message": code.replace('_', " ") });
        if let Some(details) = details {
            error["details"] = details.into();
        }
        json!({ "error": error })
    };
    let order = |price: &str| order_body("x", "bid", "1.00", price, "good_till_canceled");
    check(order("0.5150"), 400, nested("invalid_price", None)).await;
    check(order("1.5"), 400, nested("invalid_price", None)).await;
    let mut big = order("0.9900");
    big["count"] = "10099.00".into();
    check(big, 400, nested("insufficient_balance", None)).await;
    let mut post_only = order("0.9900");
    post_only["post_only"] = true.into();
    check(post_only, 400, nested("invalid_order", Some("post only cross"))).await;
    let mut fok = order_body("fok", "bid", "100", "0.5200", "fill_or_kill");
    check(
        fok.clone(),
        409,
        nested("fill_or_kill_insufficient_resting_volume", None),
    )
    .await;
    fok["count"] = "1".into();
    check(fok, 409, nested("order_already_exists", None)).await;
    let mut unlisted = order("0.5");
    unlisted["ticker"] = "KXNONE-1".into();
    check(unlisted, 404, nested("not_found", None)).await;
    let mut odd = order("0.5");
    odd["client_order_id"] = "a b".into();
    check(odd, 400, nested("invalid_parameters", Some("client_order_id"))).await;
    let numbers = json!({
        "ticker": TOP, "side": "bid", "count": 1, "price": 0.01,
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
    });
    let words =
        "json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string";
    check(
        numbers,
        400,
        json!({ "code": "bad_request", "message": "bad request", "details": words }),
    )
    .await;
}

#[tokio::test]
async fn writes_are_validated_strictly() {
    let served = serve().await;
    let sound = order_body("x", "bid", "1.00", "0.10", "good_till_canceled");
    let check = async |change: &dyn Fn(&mut Value), what: &str| {
        let mut body = sound.clone();
        change(&mut body);
        let answer = post(&served, &body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
    };
    for field in [
        "ticker",
        "side",
        "count",
        "price",
        "time_in_force",
        "self_trade_prevention_type",
    ] {
        check(&|body| drop(body.as_object_mut().unwrap().remove(field)), field).await;
        check(&|body| body[field] = json!(7), field).await;
        check(&|body| body[field] = json!(""), field).await;
    }
    for (field, value) in [
        ("side", json!("yes")),
        ("time_in_force", json!("gtc")),
        ("self_trade_prevention_type", json!("none")),
        ("count", json!("1.005")),
        ("count", json!("-1")),
        ("count", json!("0")),
        ("count", json!("1e2")),
        ("count", json!("92233720368547758.07")),
        ("count", json!("1000000000.01")),
        ("count", json!("1000000000")),
        ("post_only", json!("true")),
        ("reduce_only", json!(true)),
        ("expiration_time", json!("soon")),
        ("expiration_time", json!(1)),
        ("subaccount", json!(3)),
        ("exchange_index", json!(2)),
    ] {
        check(&|body| body[field] = value.clone(), field).await;
    }
    check(
        &|body| {
            body["time_in_force"] = json!("immediate_or_cancel");
            body["expiration_time"] = json!(4_000_000_000_i64);
        },
        "an immediate order cannot expire",
    )
    .await;
    for broken in ["", "{", "[]", "null", "\"text\""] {
        let answer = served.ask("POST", "/portfolio/events/orders", Some(broken)).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (400, &json!("bad_request")),
            "{broken}"
        );
    }
    assert_eq!(
        served.get("/portfolio/orders").await.body["orders"],
        json!([]),
        "none of them was taken"
    );
    let mut extra = sound.clone();
    extra["some_future_field"] = json!({ "a": 1 });
    assert_eq!(
        post(&served, &extra).await.status,
        201,
        "unknown fields are ignored"
    );
}

#[tokio::test]
async fn faults_break_what_they_name_and_nothing_else() {
    let served = serve().await;
    quote(&served);
    served.faults(Faults {
        market_data_down: true,
        ..Faults::default()
    });
    assert_eq!(served.get("/markets").await.status, 503);
    assert_eq!(served.get(&format!("/markets/{TOP}/orderbook")).await.status, 503);
    assert_eq!(served.get("/exchange/status").await.status, 200);
    assert_eq!(served.get("/portfolio/balance").await.status, 200);

    served.faults(Faults {
        order_entry_down: true,
        ..Faults::default()
    });
    let body = order_body("down", "bid", "1", "0.10", "good_till_canceled");
    assert_eq!(post(&served, &body).await.status, 503);
    assert_eq!(
        served.get("/portfolio/orders").await.body["orders"],
        json!([]),
        "nothing was done"
    );

    served.faults(Faults {
        order_entry_answers_lost: true,
        ..Faults::default()
    });
    assert_eq!(post(&served, &body).await.status, 503);
    served.faults(Faults::default());
    let orders = served.get("/portfolio/orders").await.body;
    assert_eq!(
        orders["orders"][0]["client_order_id"], "down",
        "it was done all the same"
    );
    assert_eq!(post(&served, &body).await.status, 409);

    served.faults(Faults {
        throttled: true,
        ..Faults::default()
    });
    let throttled = served.get("/portfolio/balance").await;
    assert_eq!(
        (throttled.status, throttled.body),
        (429, json!({ "error": "too many requests" }))
    );
}

#[tokio::test]
async fn reads_may_lag_behind_writes() {
    let served = serve().await;
    quote(&served);
    let rested = post(
        &served,
        &order_body("lag", "bid", "1", "0.10", "good_till_canceled"),
    )
    .await;
    let id = rested.body["order_id"].as_str().unwrap().to_owned();
    served.clock.advance_to(after(60));
    served.faults(Faults {
        read_lag_seconds: 5,
        ..Faults::default()
    });
    let path = format!("/portfolio/events/orders/{id}?market_ticker={TOP}");
    assert_eq!(served.ask("DELETE", &path, None).await.status, 200);
    let taken = post(
        &served,
        &order_body("now", "bid", "1", "0.52", "immediate_or_cancel"),
    )
    .await;
    assert_eq!(taken.body["fill_count"], "1.00");
    let read = async || {
        let order = served.get(&format!("/portfolio/orders/{id}")).await.body;
        let positions = served.get("/portfolio/positions").await.body;
        let balance = served.get("/portfolio/balance").await.body;
        let fills = served.get("/portfolio/fills").await.body;
        let as_of = served.get("/exchange/user_data_timestamp").await.body;
        json!([
            order["order"]["status"],
            positions["market_positions"].as_array().unwrap().len(),
            balance["balance_dollars"],
            fills["fills"].as_array().unwrap().len(),
            as_of["as_of_time"],
        ])
    };
    let before = json!(["resting", 0, "1000.0000", 0, "2026-09-21T12:00:55Z"]);
    assert_eq!(read().await, before, "neither the cancel nor the fill is seen");
    served.clock.advance_to(after(65));
    let later = json!(["canceled", 1, "999.4625", 1, "2026-09-21T12:01:00Z"]);
    assert_eq!(read().await, later);
}

#[tokio::test]
async fn pauses_are_told() {
    let served = serve().await;
    served.exchange(|x| x.set_trading_active(false, start()));
    let status = served.get("/exchange/status").await.body;
    assert_eq!(
        (&status["exchange_active"], &status["trading_active"]),
        (&json!(true), &json!(false))
    );
    let answer = post(
        &served,
        &order_body("x", "bid", "1", "0.10", "good_till_canceled"),
    )
    .await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (409, &json!("trading_is_paused"))
    );
}
