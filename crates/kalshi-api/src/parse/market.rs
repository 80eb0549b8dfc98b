//! Series, events, markets and books.

use std::collections::BTreeMap;

use autotrader_domain::ports::FeedError;
use autotrader_domain::{
    Book, Contracts, EventTicker, FeeSchedule, Level, Market, MarketStatus, Price, PriceGrid, PriceRange,
    SeriesTicker, SettlementResult, Ticker,
};
use chrono::{DateTime, Utc};

use super::decode::{decode, schema};
use crate::events::overridden;
use crate::series::fee_schedule;
use crate::wire::market as wire;

/// A series' fee terms; `$.series.ticker` must be the asked series.
pub(crate) fn series_fees(asked: &SeriesTicker, body: &[u8]) -> Result<FeeSchedule, FeedError> {
    let wire::SeriesAnswer { series } = decode("$", body)?;
    if series.ticker != *asked {
        return Err(schema(
            "$.series.ticker",
            &format!("asked for {asked}, answered {}", series.ticker),
        ));
    }
    Ok(fee_schedule(&series.fee_type, series.fee_multiplier))
}

/// The fee terms of an event, given those of its series.
pub(crate) fn event_fees(event: &wire::Event, series: FeeSchedule) -> FeeSchedule {
    overridden(
        event.fee_type_override.as_deref(),
        event.fee_multiplier_override,
        series,
    )
}

/// One market with the terms of its event.
pub(crate) fn market(
    wire: wire::Market,
    series: SeriesTicker,
    fees: FeeSchedule,
    path: &str,
) -> Result<Market, FeedError> {
    let ranges = wire.price_ranges.iter().map(|r| PriceRange {
        start: r.start,
        end: r.end,
        step: r.step,
    });
    let grid = PriceGrid::new(ranges.collect()).ok_or_else(|| {
        schema(
            &format!("{path}.price_ranges"),
            "expected at least one band, each with start below end and a positive step",
        )
    })?;
    let strike_model = wire
        .custom_strike
        .as_ref()
        .and_then(|strike| strike.get("Model"))
        .and_then(|model| model.as_str())
        .map(str::to_owned);
    Ok(Market {
        status: market_status(&wire),
        result: result(&wire.result),
        ticker: wire.ticker,
        event: wire.event_ticker,
        series,
        close_time: wire.close_time,
        grid,
        fees,
        rules_primary: wire.rules_primary,
        rules_secondary: wire.rules_secondary,
        strike_model,
        yes_sub_title: wire.yes_sub_title,
        exchange_index: wire.exchange_index,
        settlement_value: wire.settlement_value_dollars,
    })
}

/// Unknown for a status this version does not know, and for contracts whose price it cannot express: scalar markets and
/// those that do not pay one dollar. Unknown is not traded.
fn market_status(wire: &wire::Market) -> MarketStatus {
    let pays_a_dollar = wire.notional_value_dollars.parse() == Ok(Price::ONE);
    if wire.market_type != "binary" || !pays_a_dollar {
        return MarketStatus::Unknown;
    }
    match wire.status.as_str() {
        "initialized" => MarketStatus::Initialized,
        "active" => MarketStatus::Active,
        "inactive" => MarketStatus::Inactive,
        "closed" => MarketStatus::Closed,
        "determined" => MarketStatus::Determined,
        "disputed" => MarketStatus::Disputed,
        "amended" => MarketStatus::Amended,
        "finalized" => MarketStatus::Finalized,
        _ => MarketStatus::Unknown,
    }
}

fn result(name: &str) -> Option<SettlementResult> {
    match name {
        "yes" => Some(SettlementResult::Yes),
        "no" => Some(SettlementResult::No),
        "scalar" => Some(SettlementResult::Scalar),
        _ => None,
    }
}

/// A market and its book, or why its book cannot be read.
type NamedBook = (Ticker, Result<Book, FeedError>);

/// The books of the asked markets, in the asked order; what cannot be read is an error of its own.
pub(crate) fn books(
    asked: &[Ticker],
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<Vec<NamedBook>, FeedError> {
    let answer: wire::OrderbooksAnswer = decode("$", body)?;
    let mut found: BTreeMap<Ticker, Result<Book, FeedError>> = BTreeMap::new();
    for (index, raw) in answer.orderbooks.iter().enumerate() {
        let path = format!("$.orderbooks[{index}]");
        // A book without a readable owner is missed below, under the ticker that was asked for.
        let Ok(owner) = decode::<wire::BookOwner>(&path, raw.get().as_bytes()) else {
            continue;
        };
        let book = book(owner.ticker.clone(), raw.get().as_bytes(), &path, received_at);
        let twice = || Err(schema(&path, &format!("{} is listed twice", owner.ticker)));
        found
            .entry(owner.ticker.clone())
            .and_modify(|earlier| *earlier = twice())
            .or_insert(book);
    }
    let take = |ticker: &Ticker| {
        let missing = || Err(schema("$.orderbooks", &format!("no readable book of {ticker}")));
        (ticker.clone(), found.get(ticker).cloned().unwrap_or_else(missing))
    };
    Ok(asked.iter().map(take).collect())
}

/// The book in one answer or item, read at `path`.
pub(crate) fn book(
    ticker: Ticker,
    json: &[u8],
    path: &str,
    received_at: DateTime<Utc>,
) -> Result<Book, FeedError> {
    let wire::MarketOrderbook { orderbook_fp } = decode(path, json)?;
    Book::new(
        ticker,
        received_at,
        ladder(orderbook_fp.yes_dollars),
        ladder(orderbook_fp.no_dollars),
    )
    .map_err(|error| schema(&format!("{path}.orderbook_fp"), &error.to_string()))
}

fn ladder(levels: Option<Vec<(Price, Contracts)>>) -> Vec<Level> {
    let levels = levels.unwrap_or_default().into_iter();
    levels.map(|(price, size)| Level { price, size }).collect()
}

/// The events of a listing by ticker, with their fee terms. All must be of the asked series.
pub(crate) fn event_terms(
    asked: &SeriesTicker,
    events: &[wire::Event],
    series: FeeSchedule,
) -> Result<BTreeMap<EventTicker, FeeSchedule>, FeedError> {
    let mut terms = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let path = format!("$.events[{index}]");
        if event.series_ticker != *asked {
            return Err(schema(
                &format!("{path}.series_ticker"),
                &format!("asked for {asked}, answered {}", event.series_ticker),
            ));
        }
        terms.insert(event.event_ticker.clone(), event_fees(event, series));
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use autotrader_domain::FeeType;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn sample() -> Value {
        json!({"market": {
            "ticker": "KXTOPMODEL-27JAN04-AUR", "event_ticker": "KXTOPMODEL-27JAN04", "market_type": "binary",
            "status": "active", "close_time": "2027-01-04T15:00:00Z", "notional_value_dollars": "1.0000",
            "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
            "rules_primary": "If aurora-4 is the top-ranked AI model on Jan 4, 2027 at 10:00 AM ET, then the market resolves to Yes.",
            "rules_secondary": "ties", "yes_sub_title": "aurora-4", "result": "",
            "custom_strike": {"Model": "aurora-4"}, "exchange_index": 0, "a_field_of_tomorrow": [1, 2],
        }})
    }

    fn read(value: &Value) -> Result<Market, FeedError> {
        let body = value.to_string();
        let wire::MarketAnswer { market: wire } = decode("$", body.as_bytes())?;
        market(
            wire,
            "KXTOPMODEL".parse().unwrap(),
            FeeSchedule::QUADRATIC,
            "$.market",
        )
    }

    #[test]
    fn a_market_is_read() {
        let market = read(&sample()).unwrap();
        assert_eq!(market.strike_model.as_deref(), Some("aurora-4"));
        assert_eq!(market.status, MarketStatus::Active);
        assert_eq!(market.close_time.to_rfc3339(), "2027-01-04T15:00:00+00:00");
        assert_eq!(market.grid, PriceGrid::whole_cents());
        assert_eq!((market.result, market.settlement_value), (None, None));
    }

    #[test]
    fn every_required_field_is_missed_by_name() {
        for key in [
            "ticker",
            "event_ticker",
            "market_type",
            "status",
            "close_time",
            "notional_value_dollars",
            "price_ranges",
            "rules_primary",
            "rules_secondary",
            "yes_sub_title",
            "result",
        ] {
            for change in [None, Some(json!(7)), Some(Value::Null)] {
                let mut value = sample();
                let fields = value["market"].as_object_mut().unwrap();
                match change.clone() {
                    None => fields.remove(key),
                    Some(other) => fields.insert(key.to_owned(), other),
                };
                let error = read(&value).unwrap_err();
                let expected = format!("$.market.{key}");
                assert!(
                    matches!(&error, FeedError::Schema { path, .. } if *path == expected),
                    "{key} {change:?}: {error}"
                );
            }
        }
    }

    #[test]
    fn optional_fields_may_be_absent_and_unknown_words_are_not_traded() {
        let mut value = sample();
        for key in ["custom_strike", "exchange_index"] {
            value["market"].as_object_mut().unwrap().remove(key);
        }
        let market = read(&value).unwrap();
        assert_eq!((market.strike_model, market.exchange_index), (None, 0));
        for (key, word) in [
            ("status", "hibernating"),
            ("market_type", "scalar"),
            ("notional_value_dollars", "10.0000"),
        ] {
            let mut value = sample();
            value["market"][key] = json!(word);
            assert_eq!(read(&value).unwrap().status, MarketStatus::Unknown, "{key}");
        }
    }

    #[test]
    fn grids_that_cannot_be_used_are_named() {
        for ranges in [
            json!([]),
            json!([{"start": "0.5", "end": "0.1", "step": "0.01"}]),
            json!([{"start": "0", "end": "1", "step": "0"}]),
        ] {
            let mut value = sample();
            value["market"]["price_ranges"] = ranges;
            let error = read(&value).unwrap_err().to_string();
            assert!(error.contains("$.market.price_ranges"), "{error}");
        }
    }

    #[track_caller]
    fn check_fees(fee_type: &str, number: &str, expected: Result<(FeeType, u32), &str>) {
        let body =
            format!(r#"{{"series":{{"ticker":"KX","fee_type":"{fee_type}","fee_multiplier":{number}}}}}"#);
        let found = series_fees(&"KX".parse().unwrap(), body.as_bytes());
        match expected {
            Ok((fee_type, multiplier_millionths)) => assert_eq!(
                found,
                Ok(FeeSchedule {
                    fee_type,
                    multiplier_millionths
                })
            ),
            Err(part) => {
                let error = found.unwrap_err().to_string();
                assert!(
                    error.contains("$.series.fee_multiplier") && error.contains(part),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn multipliers_are_read_as_text() {
        check_fees("quadratic", "1", Ok((FeeType::Quadratic, 1_000_000)));
        check_fees("quadratic", "0.5", Ok((FeeType::Quadratic, 500_000)));
        check_fees("quadratic", "0", Ok((FeeType::Quadratic, 0)));
        check_fees(
            "quadratic_with_maker_fees",
            "1.000000",
            Ok((FeeType::QuadraticWithMakerFees, 1_000_000)),
        );
        check_fees("flat", "0.1", Ok((FeeType::Unsupported, 100_000)));
        check_fees("cubic", "0.1", Ok((FeeType::Unsupported, 100_000)));
        check_fees("quadratic", "0.0000001", Err("more than 6 decimals"));
        check_fees("quadratic", "-1", Err("expected 0 to 4294"));
        check_fees("quadratic", "5000", Err("expected 0 to 4294"));
        check_fees("quadratic", "1e0", Err("not a plain decimal"));
        check_fees("quadratic", "\"1\"", Err("not a plain decimal"));
        check_fees("quadratic", "null", Err("not a plain decimal"));
    }

    #[test]
    fn a_series_that_was_not_asked_for_is_refused() {
        let body = br#"{"series":{"ticker":"KY","fee_type":"flat","fee_multiplier":1}}"#;
        let error = series_fees(&"KX".parse().unwrap(), body).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unexpected answer at $.series.ticker: asked for KX, answered KY"
        );
    }

    #[test]
    fn event_overrides_replace_the_series_terms() {
        let fees = |fields: &str| {
            let body = format!(r#"{{"event_ticker":"E","series_ticker":"S"{fields}}}"#);
            let event: wire::Event = decode("$.event", body.as_bytes()).unwrap();
            event_fees(&event, FeeSchedule::QUADRATIC)
        };
        let none = r#","fee_type_override":null,"fee_multiplier_override":null"#;
        assert_eq!(fees(""), FeeSchedule::QUADRATIC);
        assert_eq!(fees(none), FeeSchedule::QUADRATIC);
        let both = r#","fee_type_override":"quadratic_with_maker_fees","fee_multiplier_override":0.25"#;
        assert_eq!(
            fees(both),
            FeeSchedule {
                fee_type: FeeType::QuadraticWithMakerFees,
                multiplier_millionths: 250_000
            }
        );
        for half in [
            r#","fee_type_override":"quadratic""#,
            r#","fee_multiplier_override":2"#,
        ] {
            assert_eq!(fees(half).fee_type, FeeType::Unsupported, "{half}");
        }
    }

    fn tickers(names: &[&str]) -> Vec<Ticker> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn one_broken_book_does_not_hide_the_others() {
        let body = br#"{"orderbooks":[
            {"ticker":"GOOD","orderbook_fp":{"yes_dollars":[["0.4400","0.18"],["0.4700","3.00"]],"no_dollars":[["0.4800","1.41"]]}},
            {"ticker":"EMPTY","orderbook_fp":{"yes_dollars":null,"no_dollars":[]}},
            {"ticker":"NUMBERS","orderbook_fp":{"yes_dollars":[[0.44,3]],"no_dollars":[]}},
            {"ticker":"CROSSED","orderbook_fp":{"yes_dollars":[["0.60","1"]],"no_dollars":[["0.45","1"]]}},
            {"ticker":"OLD","orderbook":{"yes":[],"no":[]}},
            {"ticker":"TWICE","orderbook_fp":{"yes_dollars":[],"no_dollars":[]}},
            {"ticker":"TWICE","orderbook_fp":{"yes_dollars":[],"no_dollars":[]}},
            {"ticker":"UNASKED","orderbook_fp":{"yes_dollars":[],"no_dollars":[]}},
            {"orderbook_fp":{"yes_dollars":[],"no_dollars":[]}}
        ]}"#;
        let asked = tickers(&["ABSENT", "GOOD", "EMPTY", "NUMBERS", "CROSSED", "OLD", "TWICE"]);
        let found = books(&asked, body, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(found.iter().map(|(t, _)| t.clone()).collect::<Vec<_>>(), asked);
        let words: Vec<String> = found
            .iter()
            .map(|(_, book)| match book {
                Ok(book) => format!(
                    "{:?}/{:?}",
                    book.best_bid().map(|l| (l.price, l.size)),
                    book.best_ask().map(|l| (l.price, l.size))
                ),
                Err(error) => error.to_string().split(": ").next().unwrap().to_owned(),
            })
            .collect();
        assert_eq!(
            words,
            [
                "unexpected answer at $.orderbooks",
                "Some((0.4700, 3.00))/Some((0.5200, 1.41))",
                "None/None",
                "unexpected answer at $.orderbooks[2].orderbook_fp.yes_dollars[0][0]",
                "unexpected answer at $.orderbooks[3].orderbook_fp",
                "unexpected answer at $.orderbooks[4].orderbook_fp",
                "unexpected answer at $.orderbooks[6]",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_level_round_trips_the_wire(
            yes in proptest::collection::btree_map(1_i64..5_000, 1_i64..100_000_000, 0..20),
            no in proptest::collection::btree_map(1_i64..5_000, 1_i64..100_000_000, 0..20),
        ) {
            let ladder = |side: &BTreeMap<i64, i64>| -> Vec<Level> {
                let level = |(price, size): (&i64, &i64)| Level {
                    price: Price::from_raw(*price).unwrap(),
                    size: Contracts::from_raw(*size).unwrap(),
                };
                side.iter().map(level).collect()
            };
            let text = |side: &[Level]| -> Value {
                side.iter().map(|l| json!([l.price.to_string(), l.size.to_string()])).collect()
            };
            let (yes, no) = (ladder(&yes), ladder(&no));
            let body = json!({"orderbooks": [{"ticker": "T", "orderbook_fp": {
                "yes_dollars": text(&yes), "no_dollars": text(&no),
            }}]});
            let asked = tickers(&["T"]);
            let found = books(&asked, body.to_string().as_bytes(), DateTime::UNIX_EPOCH).unwrap();
            let expected = Book::new(asked[0].clone(), DateTime::UNIX_EPOCH, yes, no).unwrap();
            prop_assert_eq!(found[0].1.as_ref().unwrap(), &expected);
        }

        #[test]
        fn no_bytes_make_the_readers_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let asked = tickers(&["T"]);
            prop_assert!(books(&asked, &body, DateTime::UNIX_EPOCH).is_err());
            prop_assert!(series_fees(&"KX".parse().unwrap(), &body).is_err());
            let _words = crate::VenueError::read(400, &body).words();
        }
    }
}
