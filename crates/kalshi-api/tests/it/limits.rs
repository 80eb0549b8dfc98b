//! Limits learnt from the account, and what they do to requests.

use autotrader_domain::ports::{CancelOutcome, FeedError, OrderGateway as _, PlaceOutcome};
use autotrader_kalshi_api::OrderOptions;
use autotrader_kalshi_api::{BucketSize, RateLimits};
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::captures::captures;
use crate::orders::request;
use crate::support::{Bench, Signed, Unsigned, bench, settings};

fn limits(tier: &str, write: (u32, u32)) -> Value {
    json!({
        "usage_tier": tier,
        "read": {"refill_rate": 300, "bucket_capacity": 600},
        "write": {"refill_rate": write.0, "bucket_capacity": write.1},
        "grants": [{"exchange_instance": "event_contract", "level": tier, "expires_ts": 1_751_558_400, "source": "volume"}],
    })
}

fn costs() -> Value {
    json!({"default_cost": 10, "endpoint_costs": [
        {"method": "POST", "path": "/trade-api/v2/portfolio/events/orders", "cost": 30},
        {"method": "DELETE", "path": "/trade-api/v2/portfolio/events/orders/:order_id", "cost": 3},
    ]})
}

async fn serve(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    mount(&server, at, answer).await;
    server
}

async fn mount(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(format!("/trade-api/v2{at}")))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn limited(server: &MockServer) -> Bench {
    let mut settings = settings(&server.uri());
    settings.limits = RateLimits::BASIC;
    bench(&settings)
}

fn waits(bench: &Bench) -> Vec<u128> {
    bench
        .sleeper
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|w| w.as_millis())
        .collect()
}

#[tokio::test]
async fn the_account_says_what_it_may_spend() {
    let server = MockServer::start().await;
    Mock::given(path("/trade-api/v2/account/limits"))
        .and(Signed)
        .respond_with(ok(limits("advanced", (100, 120))))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/trade-api/v2/account/endpoint_costs"))
        .and(Unsigned)
        .respond_with(ok(costs()))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400))
        .expect(3)
        .mount(&server)
        .await;
    let bench = limited(&server);
    let learnt = bench.client.learn_limits().await.unwrap();
    let size = |capacity, refill_per_second| BucketSize {
        capacity,
        refill_per_second,
    };
    assert_eq!((learnt.read, learnt.write), (size(600, 300), size(120, 100)));
    assert_eq!(
        (learnt.usage_tier.as_str(), learnt.balance_reads_per_second()),
        ("advanced", 1)
    );
    let grant = &learnt.grants[0];
    assert_eq!(grant.expires_at, Some("2025-07-03T16:00:00Z".parse().unwrap()));
    // A create costs 30 now; 100 tokens are there, and a fifth of 120 stays for cancels.
    for _ in 0..3 {
        assert!(matches!(
            bench
                .client
                .place_with(&request(), &OrderOptions::default())
                .await
                .outcome,
            PlaceOutcome::Rejected { .. }
        ));
    }
    assert_eq!(waits(&bench), [140]);
}

#[tokio::test]
async fn what_cannot_be_learnt_leaves_what_was_known() {
    for (limits, costs, part) in [
        (ok(json!({"usage_tier": "basic"})), ok(costs()), "$.read"),
        (ok(limits("basic", (0, 100))), ok(costs()), "$.write.refill_rate"),
        (
            ok(limits("basic", (100, 0))),
            ok(costs()),
            "$.write.bucket_capacity",
        ),
        (
            ok(limits("basic", (100, 100))),
            ok(json!({"default_cost": 10})),
            "$.endpoint_costs",
        ),
    ] {
        let server = serve("/account/limits", limits).await;
        mount(&server, "/account/endpoint_costs", costs).await;
        let error = limited(&server).client.learn_limits().await.unwrap_err();
        assert!(
            matches!(&error, FeedError::Schema { path, .. } if path == part),
            "{error}"
        );
    }
    // The costs are in force although the buckets could not be read.
    let server = serve("/account/limits", ResponseTemplate::new(403)).await;
    mount(&server, "/account/endpoint_costs", ok(costs())).await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400))
        .mount(&server)
        .await;
    let bench = limited(&server);
    assert!(matches!(
        bench.client.learn_limits().await,
        Err(FeedError::AccessRefused(_))
    ));
    for _ in 0..3 {
        bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await;
    }
    assert_eq!(waits(&bench), [100], "100 tokens, 30 each, 20 kept");
}

#[tokio::test]
async fn captured_limits_and_costs_are_read() {
    let Some(folder) = captures() else { return };
    let body = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        ResponseTemplate::new(200).set_body_raw(bytes, "application/json")
    };
    let server = serve("/account/limits", body("account__limits.json")).await;
    mount(
        &server,
        "/account/endpoint_costs",
        body("account__endpoint_costs.json"),
    )
    .await;
    let bench = limited(&server);
    let learnt = bench.client.learn_limits().await.unwrap();
    assert_eq!(
        (Some(learnt.read), Some(learnt.write)),
        (RateLimits::BASIC.read, RateLimits::BASIC.write)
    );
    let costs = bench.client.endpoint_costs().await.unwrap();
    assert_eq!((costs.default_cost, costs.endpoints.len()), (10, 16));
}

#[tokio::test]
async fn a_refused_create_slows_creates_down_and_cancels_hardly() {
    let server = MockServer::start().await;
    let busy =
        ResponseTemplate::new(429).set_body_raw(r#"{"error":"too many requests"}"#, "application/json");
    Mock::given(any()).respond_with(busy).mount(&server).await;
    let bench = limited(&server);
    assert!(matches!(
        bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome,
        PlaceOutcome::NotSent { .. }
    ));
    let cancel = bench
        .client
        .cancel(&request().ticker, &"o-1".parse().unwrap())
        .await
        .outcome;
    assert!(matches!(cancel, CancelOutcome::Refused { .. }), "{cancel:?}");
    assert_eq!(waits(&bench), [20], "the cancel waits for two tokens");
    assert!(matches!(
        bench
            .client
            .place_with(&request(), &OrderOptions::default())
            .await
            .outcome,
        PlaceOutcome::NotSent { .. }
    ));
    assert_eq!(
        waits(&bench),
        [20, 320],
        "the create for thirty from the second refusal on"
    );
}
