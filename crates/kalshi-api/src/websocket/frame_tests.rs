//! Every recorded and documented message, and every way a message can be broken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use autotrader_domain::FeeType;
use serde_json::{Value, json};

use super::*;
use crate::websocket::event::{MarketChangeKind, OrderGroupChangeKind};

/// A file beside the checkout, or `None` with a visible line.
fn shared(file: &str) -> Option<String> {
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    // Tests may be pointed at the captures from outside.
    #[expect(clippy::disallowed_methods, reason = "only tests ask where the captures are")]
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or(beside, PathBuf::from);
    let path = root.join("kalshi").join(file);
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: no file at {}", path.display());
    }
    text.ok()
}

/// One well-formed message of every type, with every field that the document requires and nothing else.
fn samples() -> BTreeMap<&'static str, Value> {
    let at = 1_669_149_841_000_i64;
    let bare = [
        (
            "orderbook_snapshot",
            json!({"sid": 2, "seq": 2, "msg": {"market_ticker": "A-1", "market_id": "m", "clock": 7}}),
        ),
        (
            "orderbook_delta",
            json!({"sid": 2, "seq": 3, "msg": {"market_ticker": "A-1", "market_id": "m", "clock": 8,
                "price_dollars": "0.9600", "delta_fp": "-54.00", "side": "no"}}),
        ),
        (
            "ticker",
            json!({"sid": 3, "msg": {"market_ticker": "A-1", "market_id": "m", "price_dollars": "0.4800",
                "yes_bid_dollars": "0.4500", "yes_ask_dollars": "0.5300", "volume_fp": "33896.00",
                "open_interest_fp": "20422.00", "dollar_volume": 1, "dollar_open_interest": 1,
                "yes_bid_size_fp": "300.00", "yes_ask_size_fp": "150.00", "last_trade_size_fp": "25.00",
                "ts": 1, "ts_ms": at, "time": "2022-11-22T20:44:01Z"}}),
        ),
        (
            "trade",
            json!({"sid": 4, "seq": 2, "msg": {"trade_id": "t", "market_ticker": "A-1", "yes_price_dollars": "0.3600",
                "no_price_dollars": "0.6400", "count_fp": "136.00", "taker_side": "no", "taker_outcome_side": "no",
                "taker_book_side": "ask", "is_block_trade": false, "ts": 1, "ts_ms": at}}),
        ),
        (
            "fill",
            json!({"sid": 5, "msg": {"trade_id": "t", "order_id": "o", "market_ticker": "A-1", "exchange_index": 0,
                "is_taker": true, "side": "yes", "yes_price_dollars": "0.7500", "count_fp": "2.78",
                "fee_cost": "0.010000", "action": "buy", "outcome_side": "yes", "book_side": "bid", "ts": 1,
                "ts_ms": at, "post_position_fp": "-5.00", "purchased_side": "yes"}}),
        ),
        (
            "user_order",
            json!({"sid": 6, "msg": {"order_id": "o", "user_id": "u", "ticker": "A-1", "exchange_index": 0,
                "status": "resting", "side": "yes", "is_yes": true, "outcome_side": "yes", "book_side": "bid",
                "yes_price_dollars": "0.3500", "fill_count_fp": "1.00", "remaining_count_fp": "9.00",
                "initial_count_fp": "10.00", "taker_fill_cost_dollars": "0.350000",
                "maker_fill_cost_dollars": "0.000000", "taker_fees_dollars": "0.015000",
                "maker_fees_dollars": "0.002000", "client_order_id": "", "created_time": null,
                "created_ts_ms": null}}),
        ),
        (
            "market_position",
            json!({"sid": 7, "msg": {"user_id": "u", "market_ticker": "A-1", "position_fp": "-100.00",
                "position_cost_dollars": "50.0000", "realized_pnl_dollars": "-10.0000",
                "fees_paid_dollars": "1.0000", "position_fee_cost_dollars": "0.5000", "volume_fp": "15.00"}}),
        ),
        (
            "market_lifecycle_v2",
            json!({"sid": 8, "seq": 3, "msg": {"market_ticker": "A-1", "event_type": "settled"}}),
        ),
        (
            "event_lifecycle",
            json!({"sid": 8, "seq": 4, "msg": {"event_ticker": "A", "exchange_index": 0, "title": "t",
                "subtitle": "s", "collateral_return_type": "MECNET", "series_ticker": "KXA"}}),
        ),
        (
            "event_fee_update",
            json!({"sid": 8, "seq": 5, "msg": {"event_ticker": "A", "fee_type_override": "quadratic",
                "fee_multiplier_override": 0.5}}),
        ),
        (
            "order_group_updates",
            json!({"sid": 9, "seq": 7, "msg": {"event_type": "limit_updated", "order_group_id": "g",
                "ts_ms": at}}),
        ),
        (
            "subscribed",
            json!({"msg": {"channel": "orderbook_delta", "sid": 1}}),
        ),
        ("unsubscribed", json!({"sid": 2, "seq": 7})),
        ("ok", json!({})),
        (
            "error",
            json!({"msg": {"code": 25, "msg": "Subscription buffer overflow"}}),
        ),
    ];
    bare.into_iter()
        .map(|(kind, mut frame)| {
            frame["type"] = json!(kind);
            (kind, frame)
        })
        .collect()
}

/// Fields that the document requires and this client does not use: older forms of fields it uses, and things it does not
/// ask about. `clock` is not in the recorded books.
const UNUSED: [&str; 20] = [
    "market_id",
    "clock",
    "dollar_volume",
    "dollar_open_interest",
    "ts",
    "time",
    "no_price_dollars",
    "taker_side",
    "taker_outcome_side",
    "side",
    "action",
    "outcome_side",
    "purchased_side",
    "user_id",
    "is_yes",
    "taker_fill_cost_dollars",
    "maker_fill_cost_dollars",
    "created_time",
    "position_fee_cost_dollars",
    "volume_fp",
];

fn is_unused(kind: &str, field: &str) -> bool {
    let exceptions = matches!(
        (kind, field),
        ("orderbook_delta", "side") | ("ticker", "volume_fp")
    );
    (UNUSED.contains(&field) && !exceptions) || (kind, field) == ("event_lifecycle", "subtitle")
}

fn broken(frame: &Value) -> Option<String> {
    let text = frame.to_string();
    match read(&text, PriceScale::Yes) {
        Ok(_) => None,
        Err(Unreadable {
            error: FeedError::Schema { path, .. },
            ..
        }) => Some(path),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn every_required_field_that_is_missing_or_mistyped_is_named() {
    for (kind, frame) in samples() {
        assert_eq!(broken(&frame), None, "{kind}");
        for field in ["type", "sid", "seq", "msg"] {
            if frame.get(field).is_none() {
                continue;
            }
            let mut lacking = frame.clone();
            lacking.as_object_mut().unwrap().remove(field);
            assert_eq!(broken(&lacking), Some(format!("$.{field}")), "{kind}");
            let mut mistyped = frame.clone();
            mistyped[field] = json!(true);
            let path = broken(&mistyped).unwrap();
            assert!(path.starts_with(&format!("$.{field}")), "{kind}.{field}: {path}");
        }
        let fields = frame
            .get("msg")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for field in fields.keys() {
            let mut lacking = frame.clone();
            lacking["msg"].as_object_mut().unwrap().remove(field);
            let named = (!is_unused(kind, field)).then(|| format!("$.msg.{field}"));
            assert_eq!(broken(&lacking), named, "{kind}.{field}");
            let mut mistyped = frame.clone();
            mistyped["msg"][field] = json!([true]);
            assert_eq!(broken(&mistyped), named, "{kind}.{field}");
        }
    }
}

#[test]
fn the_samples_have_every_field_that_the_document_requires() {
    let Some(text) = shared("spec/asyncapi.yaml") else {
        return;
    };
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let samples = samples();
    let mut checked = 0;
    // Answers of the benchmark channels, which are not used here.
    let used = |name: &str| !name.contains("Indices") && !name.contains("Underlyings");
    for (_, schema) in schemas.iter().filter(|(name, _)| used(name)) {
        let Some(kind) = schema["properties"]["type"]["const"].as_str() else {
            continue;
        };
        let Some(sample) = samples.get(kind) else { continue };
        for (required, has) in [
            (&schema["required"], sample),
            (&schema["properties"]["msg"]["required"], &sample["msg"]),
        ] {
            for field in required.as_array().into_iter().flatten() {
                let field = field.as_str().unwrap();
                // The answer to `list_subscriptions` is an `ok` with a list; it is not sent here.
                let of_list = kind == "ok" && field == "msg";
                assert!(has.get(field).is_some() || of_list, "{kind}.{field}");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn unknown_fields_values_and_types_are_tolerated() {
    for (kind, mut frame) in samples() {
        frame["sending_ts_ms"] = json!(1);
        frame["surprise"] = json!({"a": [1, 2]});
        if frame["msg"].is_object() {
            frame["msg"]["surprise"] = json!(null);
        }
        assert_eq!(broken(&frame), None, "{kind}");
    }
    let strange = r#"{"type":"orderbook_rumour","sid":4,"seq":9,"msg":[]}"#;
    assert_eq!(
        read(strange, PriceScale::Yes).unwrap(),
        Frame::Unknown {
            kind: "orderbook_rumour".to_owned(),
            sid: Some(4),
            seq: Some(9)
        }
    );
}

#[test]
fn what_is_no_message_is_an_error_and_no_panic() {
    for text in [
        "",
        "\n",
        "{",
        "[]",
        "null",
        "heartbeat",
        r#"{"type":7}"#,
        r#"{"type":"ticker"}"#,
    ] {
        assert!(read(text, PriceScale::Yes).is_err(), "{text}");
    }
    for (kind, frame) in samples() {
        let text = frame.to_string();
        for end in 0..text.len() {
            assert!(
                read(&text[..end], PriceScale::Yes).is_err(),
                "{kind} cut at {end}"
            );
        }
    }
}

#[test]
fn a_broken_message_tells_whose_it_was_when_it_can() {
    let text = r#"{"type":"orderbook_delta","sid":3,"seq":12,"msg":{"market_ticker":"A"}}"#;
    let unreadable = read(text, PriceScale::Yes).unwrap_err();
    assert_eq!(
        (unreadable.kind.as_deref(), unreadable.sid, unreadable.seq),
        (Some("orderbook_delta"), Some(3), Some(12))
    );
}

#[test]
fn no_levels_are_read_on_the_scale_that_was_asked_for() {
    let delta = r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A","price_dollars":"0.5200","delta_fp":"1.41","side":"no"}}"#;
    let own = |scale| match read(delta, scale).unwrap() {
        Frame::Delta(delta) => (delta.price.to_string(), delta.delta),
        other => panic!("{other:?}"),
    };
    assert_eq!(own(PriceScale::Yes), ("0.4800".to_owned(), 141));
    assert_eq!(own(PriceScale::No), ("0.5200".to_owned(), 141));
    let snapshot = r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"A","no_dollars_fp":[["0.5200","2.00"]]}}"#;
    let Frame::Snapshot(read) = read(snapshot, PriceScale::Yes).unwrap() else {
        panic!("no snapshot");
    };
    assert_eq!(read.no, [("0.48".parse().unwrap(), Contracts::whole(2))]);
    assert!(read.yes.is_empty());
}

#[test]
fn field_order_and_escapes_do_not_matter() {
    let usual = r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"KXA-1","price_dollars":"0.5","delta_fp":"1","side":"yes"}}"#;
    let other = r#"{"seq":2,"msg":{"side":"yes","delta_fp":"1.00","price_dollars":"0.500000","market_ticker":"KX\u0041-1"},"sid":1,"type":"orderbook_delta"}"#;
    assert_eq!(
        read(usual, PriceScale::Yes).unwrap(),
        read(other, PriceScale::Yes).unwrap()
    );
}

#[test]
fn recorded_frames_are_read_and_make_the_book_they_should() {
    let Some(text) = shared("captures/ws__orderbook_trade_noleg.jsonl") else {
        return;
    };
    let mut book = None;
    let mut subscribed = Vec::new();
    let mut seq = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        // Recorded with NO prices.
        match read(line, PriceScale::No).unwrap() {
            Frame::Subscribed { id, channel, sid } => subscribed.push((id, channel, sid)),
            Frame::Snapshot(snapshot) => {
                seq = snapshot.seq;
                book = Some(crate::websocket::book::LiveBook::of(snapshot.yes, snapshot.no).unwrap());
            }
            Frame::Delta(delta) => {
                assert_eq!(delta.seq, seq + 1);
                seq = delta.seq;
                let book: &mut crate::websocket::book::LiveBook = book.as_mut().unwrap();
                book.change(delta.side, delta.price, delta.delta).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        subscribed,
        [
            (Some(1), "orderbook_delta".to_owned(), 1),
            (Some(1), "trade".to_owned(), 2)
        ]
    );
    assert_eq!(seq, 5);
    let expected = crate::websocket::book::LiveBook::of(
        vec![("0.47".parse().unwrap(), Contracts::whole(3))],
        vec![("0.48".parse().unwrap(), Contracts::whole(1))],
    );
    assert_eq!(book, Some(expected.unwrap()));
}

/// What a documented example says, in one line.
fn told(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Snapshot(s) => format!("snapshot {} {}+{}", s.ticker, s.yes.len(), s.no.len()),
        Frame::Delta(d) => format!("delta {} {:?} {} {}", d.ticker, d.side, d.price, d.delta),
        Frame::Event { event, .. } => match event {
            StreamEvent::Quote(q) => format!("quote {} {}/{} at {}", q.ticker, q.yes_bid, q.yes_ask, q.at),
            StreamEvent::Trade(t) => format!(
                "trade {} {} x{} {:?}",
                t.ticker, t.price, t.contracts, t.taker_side
            ),
            StreamEvent::Fill(f) => format!(
                "fill {} {:?} {} x{} fee {} then {}",
                f.fill.ticker, f.fill.side, f.fill.price, f.fill.contracts, f.fill.fee, f.position_after
            ),
            StreamEvent::Order(o) => format!(
                "order {} {:?} {:?} {} {}/{}/{}",
                o.ticker, o.state, o.side, o.price, o.filled, o.remaining, o.initial
            ),
            StreamEvent::Position(p) => format!("position {} {} cost {}", p.ticker, p.net, p.cost),
            StreamEvent::Lifecycle(m) => {
                format!("market {} {:?} grid {}", m.ticker, m.kind, m.grid.is_some())
            }
            StreamEvent::EventCreated(e) => format!("event {} of {}", e.event, e.series),
            StreamEvent::EventFee(e) => {
                format!("fee {} {:?}", e.event, e.terms.map(|t| t.multiplier_millionths))
            }
            StreamEvent::OrderGroup(g) => format!("group {} {:?} {:?}", g.order_group_id, g.kind, g.limit),
            other => format!("{other:?}"),
        },
        Frame::Subscribed { id, channel, sid } => format!("subscribed {id:?} {channel} {sid}"),
        Frame::Unsubscribed { id, sid, seq } => format!("unsubscribed {id:?} {sid} {seq}"),
        Frame::Done(d) => format!(
            "ok {:?} {:?} {:?} {:?}",
            d.id,
            d.sid,
            d.seq,
            d.markets.as_ref().map(Vec::len)
        ),
        Frame::Subscriptions { id, listed } => format!("list {id:?} {}", listed.len()),
        Frame::Failure(f) => format!("error {:?} {}", f.id, f.code.0),
        Frame::Unknown { kind, .. } => format!("unknown {kind}"),
    }
}

#[test]
fn documented_examples_are_read_to_the_right_values() {
    let Some(text) = shared("spec/asyncapi-2.0.0-message-examples.txt") else {
        return;
    };
    let examples: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  EX ")?.split_once(' '))
        .filter(|(_, body)| body.contains(r#""type": "#))
        .collect();
    let expected = [
        ("subscriptionConfirmed", "subscribed Some(1) orderbook_delta 1"),
        ("unsubscriptionConfirmed", "unsubscribed Some(102) 2 7"),
        ("updateSuccess", "ok Some(123) Some(456) Some(222) Some(3)"),
        ("listSubscriptionsResponse", "list Some(3) 3"),
        ("unknownSubscription", "error Some(123) 7"),
        ("unknownChannel", "error Some(124) 8"),
        ("paramsRequired", "error Some(125) 2"),
        ("authenticationRequired", "error Some(126) 9"),
        ("marketTickerRequired", "error Some(127) 14"),
        ("orderbookWithBothSides", "snapshot FED-23DEC-T3.00 2+2"),
        ("priceLevelUpdate", "delta FED-23DEC-T3.00 Yes 0.9600 -5400"),
        (
            "tickerUpdate",
            "quote FED-23DEC-T3.00 0.4500/0.5300 at 2022-11-22 20:44:01 UTC",
        ),
        (
            "tradeNotification",
            "trade HIGHNY-22DEC23-B53.5 0.3600 x136.00 Ask",
        ),
        (
            "userFill",
            "fill HIGHNY-22DEC23-B53.5 Bid 0.7500 x278.00 fee 0.010000 then 500.00",
        ),
        ("marketCreated", "market INXD-23SEP14-B4487 Created grid false"),
        (
            "priceLevelStructureUpdated",
            "market INXD-23SEP14-B4487 PriceGridUpdated grid true",
        ),
        (
            "metadataUpdated",
            "market KXBTC-25APR30-T0915-B95000 MetadataUpdated grid false",
        ),
        (
            "metadataUpdatedSubtitle",
            "market KXBTC15M-26APR160100-00 MetadataUpdated grid false",
        ),
        (
            "eventCreated",
            "event KXQUICKSETTLE-26JAN25H2150 of KXQUICKSETTLE",
        ),
        ("eventFeeOverrideSet", "fee KXBTCD-26MAY2018 Some(1000000)"),
        ("eventFeeOverrideCleared", "fee KXBTCD-26MAY2018 None"),
        ("positionUpdate", "position FED-23DEC-T3.00 100.00 cost 50.000000"),
        ("orderGroupLimitUpdated", "group og_123 LimitUpdated Some(150.00)"),
        (
            "userOrderCreated",
            "order FED-23DEC-T3.00 Resting Bid 0.3500 0.00/10.00/10.00",
        ),
    ];
    let mut left = examples.clone();
    for (name, words) in expected {
        let body = left.remove(name).unwrap_or_else(|| panic!("no example {name}"));
        assert_eq!(told(&read(body, PriceScale::Yes).unwrap()), words, "{name}");
    }
    // Other products' messages are of unknown types, and nothing else is.
    for (name, body) in left {
        let frame = read(body, PriceScale::Yes).unwrap();
        assert!(matches!(frame, Frame::Unknown { .. }), "{name}: {frame:?}");
    }
}

#[test]
fn words_of_the_exchange_become_kinds_and_new_words_are_kept() {
    let told = |kind: &str, field: &str, word: &str| {
        let mut frame = samples()[kind].clone();
        frame["msg"][field] = json!(word);
        let text = frame.to_string();
        match read(&text, PriceScale::Yes).unwrap() {
            Frame::Event { event, .. } => event,
            other => panic!("{other:?}"),
        }
    };
    for (word, kind) in [
        ("determined", MarketChangeKind::Determined),
        ("deactivated", MarketChangeKind::Deactivated),
        ("close_date_updated", MarketChangeKind::CloseDateUpdated),
        ("teleported", MarketChangeKind::Other("teleported".to_owned())),
    ] {
        let StreamEvent::Lifecycle(change) = told("market_lifecycle_v2", "event_type", word) else {
            panic!("{word}");
        };
        assert_eq!(change.kind, kind);
    }
    for (word, kind) in [
        ("triggered", OrderGroupChangeKind::Triggered),
        ("doubled", OrderGroupChangeKind::Other("doubled".to_owned())),
    ] {
        let StreamEvent::OrderGroup(change) = told("order_group_updates", "event_type", word) else {
            panic!("{word}");
        };
        assert_eq!(change.kind, kind);
    }
    for (word, state) in [
        ("executed", autotrader_domain::OrderState::Filled),
        ("canceled", autotrader_domain::OrderState::Canceled),
        ("unknown", autotrader_domain::OrderState::Unknown),
        ("levitating", autotrader_domain::OrderState::Unknown),
    ] {
        let StreamEvent::Order(order) = told("user_order", "status", word) else {
            panic!("{word}");
        };
        assert_eq!(order.state, state);
    }
    let StreamEvent::EventFee(fee) = told("event_fee_update", "fee_type_override", "flat") else {
        panic!("no fee");
    };
    assert_eq!(fee.terms.unwrap().fee_type, FeeType::Unsupported);
}

#[test]
fn every_command_validates_against_the_document() {
    use crate::websocket::Channel;
    use crate::websocket::command::{self, UpdateAction};

    let Some(text) = shared("spec/asyncapi.yaml") else {
        return;
    };
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let validator = |name: &str| {
        let schema = json!({
            "$ref": format!("#/components/schemas/{name}"),
            "components": document["components"],
        });
        jsonschema::validator_for(&schema).unwrap()
    };
    let (subscribe, unsubscribe, update) = (
        validator("subscribeCommandPayload"),
        validator("unsubscribeCommandPayload"),
        validator("updateSubscriptionCommandPayload"),
    );
    let tickers = ["KXA-1".parse().unwrap(), "KXA-2".parse().unwrap()];
    let check = |validator: &jsonschema::Validator, command: &str| {
        let command: Value = serde_json::from_str(command).unwrap();
        let errors: Vec<String> = validator.iter_errors(&command).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{command}: {errors:?}");
    };
    for channel in Channel::ALL {
        check(&subscribe, &command::subscribe(1, channel, &tickers));
        for action in [
            UpdateAction::AddMarkets,
            UpdateAction::DeleteMarkets,
            UpdateAction::GetSnapshot,
        ] {
            check(&update, &command::update(2, channel, 7, action, &tickers));
        }
    }
    check(&unsubscribe, &command::unsubscribe(3, 7));
    // The validator is not one that takes everything.
    assert!(!subscribe.is_valid(&json!({"id": 1, "cmd": "subscribe", "params": {"channels": ["books"]}})));
    assert!(!update.is_valid(&json!({"id": 1, "cmd": "update_subscription", "params": {"sid": 1}})));
}
