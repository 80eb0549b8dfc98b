//! Changes of orders, batches and order groups: what is sent, and what each answer means.

use autotrader_domain::OrderRequest;
use autotrader_domain::ports::{CancelOutcome, PlaceOutcome};
use autotrader_kalshi_api::order_changes::{Amend, CancelRequest, Decrease, ExpiryChange};
use autotrader_kalshi_api::order_groups::{GroupPlace, NewOrderGroup};
use autotrader_kalshi_api::{OrderOptions, Subaccount, WriteOutcome};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Match as _, Mock, MockServer, ResponseTemplate};

use crate::orders::request;
use crate::support::{Bench, ROOT, Signed, bench_of};

/// A server that answers everything the same, and a client of it.
async fn answering(status: u16, body: &str) -> (MockServer, Bench) {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(status).set_body_raw(body, "application/json"))
        .mount(&server)
        .await;
    let bench = bench_of(&server);
    (server, bench)
}

/// The one request that came: method, path with query, body.
async fn only_request(server: &MockServer) -> (String, Value) {
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1, "writes are sent once");
    let request = &requests[0];
    assert!(Signed.matches(request));
    let query = request
        .url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let path = request.url.path().trim_start_matches(ROOT);
    let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    (format!("{} {path}{query}", request.method), body)
}

fn words<T: std::fmt::Debug>(outcome: WriteOutcome<T>) -> String {
    match outcome {
        WriteOutcome::NotSent { .. } => "not sent".to_owned(),
        WriteOutcome::Accepted(done) => format!("{done:?}"),
        WriteOutcome::Rejected { reason, .. } => format!("rejected {}", reason.code()),
        WriteOutcome::Unknown { detail } => format!("unknown: {detail}"),
    }
}

fn amend() -> Amend {
    Amend {
        ticker: request().ticker,
        side: request().side,
        limit: "0.57".parse().unwrap(),
        total: "8".parse().unwrap(),
        client_order_id: Some("a".parse().unwrap()),
        new_client_order_id: Some("b".parse().unwrap()),
        expiry: ExpiryChange::At("2026-11-22T15:05:00.900Z".parse().unwrap()),
        exchange_index: 0,
    }
}

#[tokio::test]
async fn an_amend_sends_the_total_and_is_believed_only_within_it() {
    let (server, bench) =
        answering(200, r#"{"order_id":"o-1","client_order_id":"b","remaining_count":"5.00","fill_count":"1.00","average_fill_price":"0.565000","ts_ms":1781159360866}"#)
            .await;
    let outcome = bench
        .client
        .amend(&"o-1".parse().unwrap(), &amend(), Subaccount::new(7))
        .await;
    let WriteOutcome::Accepted(amended) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(amended.remaining, Some("5".parse().unwrap()));
    assert_eq!(amended.filled, Some("1".parse().unwrap()));
    assert_eq!(amended.average_fill_price, Some("0.565".parse().unwrap()));
    assert_eq!(amended.at.timestamp_millis(), 1_781_159_360_866);
    let (asked, body) = only_request(&server).await;
    assert_eq!(asked, "POST /portfolio/events/orders/o-1/amend?subaccount=7");
    assert_eq!(
        body,
        json!({"ticker": "KXTOPMODEL-27JAN04-AUR", "side": "bid", "price": "0.5700", "count": "8.00",
               "client_order_id": "a", "updated_client_order_id": "b", "expiration_time": 1_795_359_900,
               "exchange_index": 0})
    );

    for (status, body, expected) in [
        // An amend of the expiry alone says nothing of counts.
        (
            200,
            r#"{"order_id":"o-1","ts_ms":1,"remaining_count":null,"fill_count":null}"#,
            "Amended { order_id: o-1",
        ),
        (
            200,
            r#"{"order_id":"o-1"}"#,
            "unknown: unexpected answer at $.ts_ms",
        ),
        (
            200,
            r#"{"order_id":"o-1","ts_ms":1,"remaining_count":"8.00","fill_count":"0.01"}"#,
            "unknown: unexpected answer at $.remaining_count: more than the 8.00 contracts",
        ),
        (
            200,
            r#"{"order_id":"o-1","ts_ms":1,"client_order_id":"c"}"#,
            "unknown: unexpected answer at $.client_order_id: sent b, answered c",
        ),
        (200, "", "unknown: unexpected answer at $"),
        (
            404,
            r#"{"error":{"code":"not_found","message":"not found"}}"#,
            "rejected not_found",
        ),
        (
            400,
            r#"{"error":{"code":"order_side_mismatch","message":"m"}}"#,
            "rejected order_mismatch",
        ),
        (429, r#"{"error":"too many requests"}"#, "not sent"),
        (503, r#"{"code":"exchange_unavailable"}"#, "unknown: HTTP 503"),
    ] {
        let (_server, bench) = answering(status, body).await;
        let outcome = bench.client.amend(&"o-1".parse().unwrap(), &amend(), None).await;
        let found = words(outcome);
        assert!(found.starts_with(expected), "{status} {body}: {found}");
    }
}

#[tokio::test]
async fn expiries_are_kept_removed_or_set() {
    for (expiry, expected) in [
        (ExpiryChange::Keep, None),
        (ExpiryChange::Remove, Some(0)),
        (ExpiryChange::At(chrono::DateTime::UNIX_EPOCH), Some(1)),
    ] {
        let (server, bench) = answering(200, r#"{"order_id":"o-1","ts_ms":1}"#).await;
        let amend = Amend { expiry, ..amend() };
        let outcome = bench.client.amend(&"o-1".parse().unwrap(), &amend, None).await;
        assert!(matches!(outcome, WriteOutcome::Accepted(_)), "{outcome:?}");
        let (_, body) = only_request(&server).await;
        assert_eq!(body.get("expiration_time").and_then(Value::as_i64), expected);
    }
}

#[tokio::test]
async fn a_decrease_sends_one_of_its_two_counts() {
    let (by, to) = (
        Decrease::By("2".parse().unwrap()),
        Decrease::To("3.5".parse().unwrap()),
    );
    for (decrease, answer, sent, expected) in [
        (
            by,
            r#"{"order_id":"o-1","remaining_count":"9.00","ts_ms":1}"#,
            ("reduce_by", "2.00"),
            "Decreased",
        ),
        (
            to,
            r#"{"order_id":"o-1","remaining_count":"3.00","ts_ms":1}"#,
            ("reduce_to", "3.50"),
            "Decreased",
        ),
        (
            to,
            r#"{"order_id":"o-1","remaining_count":"3.51","ts_ms":1}"#,
            ("reduce_to", "3.50"),
            "unknown: unexpected answer at $.remaining_count: asked for 3.50, answered 3.51",
        ),
        (
            by,
            r#"{"order_id":"o-2","remaining_count":"3.51","ts_ms":1}"#,
            ("reduce_by", "2.00"),
            "unknown: unexpected answer at $.order_id: asked for o-1, answered o-2",
        ),
    ] {
        let (server, bench) = answering(200, answer).await;
        let outcome = bench
            .client
            .decrease(&request().ticker, &"o-1".parse().unwrap(), decrease, None)
            .await;
        let found = words(outcome);
        assert!(found.starts_with(expected), "{found}");
        let (asked, body) = only_request(&server).await;
        assert_eq!(asked, "POST /portfolio/events/orders/o-1/decrease");
        assert_eq!(
            body,
            json!({sent.0: sent.1, "market_ticker": "KXTOPMODEL-27JAN04-AUR"})
        );
    }
}

#[tokio::test]
async fn cancel_all_is_done_when_the_exchange_says_nothing() {
    let (server, bench) = answering(204, "").await;
    assert_eq!(bench.client.cancel_all(None).await, WriteOutcome::Accepted(()));
    assert_eq!(only_request(&server).await.0, "DELETE /portfolio/events/orders");
    let (server, bench) = answering(500, "").await;
    let outcome = bench.client.cancel_all(Some(Subaccount::PRIMARY)).await;
    assert!(matches!(outcome, WriteOutcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(
        only_request(&server).await.0,
        "DELETE /portfolio/events/orders?subaccount=0"
    );
}

fn batch() -> Vec<OrderRequest> {
    let one = |id: &str| OrderRequest {
        client_order_id: id.parse().unwrap(),
        ..request()
    };
    vec![one("a"), one("b"), one("c")]
}

/// One word for each order of a batch of three.
async fn placed(status: u16, body: &str) -> Vec<String> {
    let (server, bench) = answering(status, body).await;
    let outcomes = bench.client.place_batch(&batch(), &OrderOptions::default()).await;
    let (asked, sent) = only_request(&server).await;
    assert_eq!(asked, "POST /portfolio/events/orders/batched");
    assert_eq!(sent["orders"].as_array().unwrap().len(), 3);
    let word = |outcome: PlaceOutcome| match outcome {
        PlaceOutcome::NotSent { .. } => "not sent".to_owned(),
        PlaceOutcome::Accepted { venue_order_id, .. } => venue_order_id.to_string(),
        PlaceOutcome::Rejected { reason, .. } => format!("rejected {}", reason.code()),
        PlaceOutcome::Unknown { .. } => "unknown".to_owned(),
    };
    outcomes.into_iter().map(word).collect()
}

fn created(id: &str, client_id: Option<&str>) -> Value {
    json!({"order_id": id, "client_order_id": client_id, "fill_count": "0.00", "remaining_count": "10.00", "ts_ms": 1})
}

fn failed(client_id: Option<&str>, code: &str) -> Value {
    json!({"client_order_id": client_id, "error": {"code": code, "message": "m"}})
}

#[tokio::test]
async fn each_order_of_a_batch_ends_on_its_own() {
    let check = async |items: Value, expected: [&str; 3]| {
        let body = json!({"orders": items}).to_string();
        assert_eq!(placed(201, &body).await, expected, "{body}");
    };
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    check(
        json!([created("1", a), created("2", b), created("3", c)]),
        ["1", "2", "3"],
    )
    .await;
    // The ids say which is which, not the order.
    check(
        json!([created("3", c), created("1", a), created("2", b)]),
        ["1", "2", "3"],
    )
    .await;
    check(
        json!([
            created("1", a),
            failed(b, "invalid_price"),
            failed(c, "order_already_exists")
        ]),
        ["1", "rejected invalid_price", "rejected order_already_exists"],
    )
    .await;
    // Without ids the place counts, when nothing contradicts it.
    check(
        json!([
            created("1", a),
            failed(None, "insufficient_balance"),
            created("3", None)
        ]),
        ["1", "rejected insufficient_balance", "3"],
    )
    .await;
    check(
        json!([created("2", b), failed(None, "invalid_price"), created("3", c)]),
        ["unknown", "2", "3"],
    )
    .await;
    check(json!([created("1", None), created("2", None)]), ["unknown"; 3]).await;
    // Missing, doubled, unknown failures, failures with an order, unreadable items.
    check(json!([created("1", a), created("3", c)]), ["1", "unknown", "3"]).await;
    check(
        json!([created("1", a), created("2", a), created("3", c)]),
        ["unknown", "unknown", "3"],
    )
    .await;
    check(
        json!([
            failed(a, "strange_new_code"),
            failed(b, "internal_error"),
            created("3", c)
        ]),
        ["unknown", "unknown", "3"],
    )
    .await;
    let mut both = created("1", a);
    both["error"] = json!({"code": "invalid_price", "message": "m"});
    check(
        json!([both, {"order_id": 7, "client_order_id": "b"}, created("3", c)]),
        ["unknown", "unknown", "3"],
    )
    .await;
    let mut more = created("1", a);
    more["remaining_count"] = json!("10.01");
    check(
        json!([more, "text", created("3", c)]),
        ["unknown", "unknown", "3"],
    )
    .await;
    check(json!([]), ["unknown"; 3]).await;
}

#[tokio::test]
async fn a_batch_that_is_refused_whole_is_refused_for_each() {
    assert_eq!(
        placed(429, r#"{"error":"too many requests"}"#).await,
        ["not sent"; 3]
    );
    assert_eq!(
        placed(400, r#"{"code":"bad_request"}"#).await,
        ["rejected bad_request"; 3]
    );
    assert_eq!(placed(503, "").await, ["unknown"; 3]);
    assert_eq!(placed(201, "<html>").await, ["unknown"; 3]);
}

#[tokio::test]
async fn nothing_is_sent_for_an_empty_batch() {
    let (server, bench) = answering(500, "").await;
    assert_eq!(bench.client.place_batch(&[], &OrderOptions::default()).await, []);
    assert_eq!(bench.client.cancel_batch(&[]).await, []);
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

/// One word for each cancel of a batch of three: `a`, `b`, `c`.
async fn canceled(status: u16, body: &str) -> Vec<String> {
    let (server, bench) = answering(status, body).await;
    let requests = ["a", "b", "c"].map(|id| CancelRequest {
        order_id: id.parse().unwrap(),
        ticker: request().ticker,
    });
    let outcomes = bench.client.cancel_batch(&requests).await;
    let (asked, sent) = only_request(&server).await;
    assert_eq!(asked, "DELETE /portfolio/events/orders/batched");
    assert_eq!(
        sent["orders"][2],
        json!({"order_id": "c", "market_ticker": "KXTOPMODEL-27JAN04-AUR"})
    );
    let word = |outcome: CancelOutcome| match outcome {
        CancelOutcome::Canceled { reduced_by } => reduced_by.to_string(),
        CancelOutcome::NotOnBook => "not on book".to_owned(),
        CancelOutcome::Refused { reason, .. } => format!("refused {}", reason.code()),
        CancelOutcome::Unknown { .. } => "unknown".to_owned(),
    };
    outcomes.into_iter().map(word).collect()
}

#[tokio::test]
async fn each_cancel_of_a_batch_ends_on_its_own() {
    let done = |id: &str, count: &str| json!({"order_id": id, "reduced_by": count, "ts_ms": 1});
    let failed = |id: &str, code: &str| json!({"order_id": id, "reduced_by": "0.00", "error": {"code": code, "message": "m"}});
    for (items, expected) in [
        (
            json!([done("c", "3.00"), done("a", "1.00"), done("b", "2.00")]),
            ["1.00", "2.00", "3.00"],
        ),
        (
            json!([
                done("a", "1.00"),
                failed("b", "not_found"),
                failed("c", "exchange_is_paused")
            ]),
            ["1.00", "not on book", "refused exchange_is_paused"],
        ),
        (
            json!([failed("a", "strange_new_code"), done("b", "2.00")]),
            ["unknown", "2.00", "unknown"],
        ),
        (
            json!([done("a", "1.00"), done("a", "0.00"), done("c", "3.00")]),
            ["unknown", "unknown", "3.00"],
        ),
        (
            json!([{"order_id": "a"}, 7, {"reduced_by": "1.00"}]),
            ["unknown"; 3],
        ),
    ] {
        let body = json!({"orders": items}).to_string();
        assert_eq!(canceled(200, &body).await, expected, "{body}");
    }
    assert_eq!(
        canceled(404, r#"{"error":{"code":"not_found","message":"m"}}"#).await,
        ["unknown"; 3]
    );
    assert_eq!(
        canceled(429, r#"{"error":"too many requests"}"#).await,
        ["refused rate_limited"; 3]
    );
    assert_eq!(canceled(500, "").await, ["unknown"; 3]);
}

#[tokio::test]
async fn order_groups_are_made_where_asked() {
    let new = NewOrderGroup {
        limit: "150".parse().unwrap(),
        subaccount: Subaccount::new(7),
        exchange_index: 0,
    };
    for (answer, expected) in [
        (
            r#"{"order_group_id":"g-1","subaccount":7,"exchange_index":0}"#,
            "g-1",
        ),
        (
            r#"{"order_group_id":"g-1","subaccount":0}"#,
            "unknown: unexpected answer at $.subaccount: asked for 7, answered 0",
        ),
        (
            r#"{"subaccount":7}"#,
            "unknown: unexpected answer at $.order_group_id",
        ),
    ] {
        let (server, bench) = answering(201, answer).await;
        let found = words(bench.client.create_order_group(&new).await);
        assert!(found.starts_with(expected), "{found}");
        let (asked, body) = only_request(&server).await;
        assert_eq!(asked, "POST /portfolio/order_groups/create");
        assert_eq!(
            body,
            json!({"subaccount": 7, "contracts_limit_fp": "150.00", "exchange_index": 0})
        );
    }
}

#[tokio::test]
async fn order_groups_are_changed_by_their_paths() {
    let group = "g-1".parse().unwrap();
    let place = GroupPlace {
        subaccount: Subaccount::new(7),
        exchange_index: Some(1),
    };
    let (server, bench) = answering(200, "{}").await;
    let client = &bench.client;
    for outcome in [
        client.trigger_order_group(&group, GroupPlace::default()).await,
        client.reset_order_group(&group, place).await,
        client
            .set_order_group_limit(&group, GroupPlace::default(), "0.5".parse().unwrap())
            .await,
        client.delete_order_group(&group, place).await,
    ] {
        assert_eq!(outcome, WriteOutcome::Accepted(()));
    }
    let requests = server.received_requests().await.unwrap();
    let asked: Vec<String> = requests
        .iter()
        .map(|request| {
            let path = request.url.as_str().split("order_groups/").nth(1).unwrap();
            format!(
                "{} {path} {}",
                request.method,
                String::from_utf8_lossy(&request.body)
            )
        })
        .collect();
    assert_eq!(
        asked,
        [
            "PUT g-1/trigger ",
            "PUT g-1/reset?subaccount=7&exchange_index=1 ",
            r#"PUT g-1/limit {"contracts_limit_fp":"0.50"}"#,
            "DELETE g-1?subaccount=7&exchange_index=1 ",
        ]
    );
}
