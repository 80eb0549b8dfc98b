//! What an event says of a time that has not come yet.

use autotrader_domain::ReadingOutcome;
use autotrader_engine::Event;
use chrono::{DateTime, Utc};

use crate::market::Leak;

/// What an event says of a time that has not come yet.
pub(super) fn ahead_of(at: DateTime<Utc>, event: &Event) -> Option<Leak> {
    let (known_at, what) = match event {
        Event::Book(book) => (book.received_at, "a book"),
        Event::Fill(fill) => (fill.filled_at, "a fill"),
        Event::Settlement(settlement) => (settlement.settled_at, "a settlement"),
        Event::Reading(reading) => {
            let stamp = match &reading.outcome {
                ReadingOutcome::Page { page, .. } => page.vintage.map(|vintage| vintage.0),
                ReadingOutcome::Failed { .. } => None,
            };
            (Some(reading.fetched_at).max(stamp)?, "a reading")
        }
        Event::Market(market) if market.result.is_some() => (market.close_time, "a result"),
        _ => return None,
    };
    (known_at > at).then(|| Leak {
        at,
        known_at,
        what: what.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use autotrader_domain::{GatedBoard, Money, Price, SettlementRecord};

    use super::*;
    use crate::market::run::reading;
    use rstest::rstest;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn page(stamp: &str) -> Arc<GatedBoard> {
        Arc::new(GatedBoard {
            verdict: autotrader_domain::Verdict::Tradable,
            reasons: Vec::new(),
            path: None,
            slug: None,
            category: None,
            style_control: None,
            vintage: Some(autotrader_domain::Vintage(moment(stamp))),
            hash: autotrader_domain::BoardHash([0; 32]),
            total_models: None,
            total_votes: None,
            board: Arc::default(),
            anomalies: Vec::new(),
        })
    }

    #[rstest]
    #[case::stamp_of_the_future("2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z", Some("a reading"))]
    #[case::read_in_the_future("2026-01-01T12:00:01Z", "2026-01-01T00:00:00Z", Some("a reading"))]
    #[case::known("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", None)]
    fn a_page_of_the_future_is_no_event(
        #[case] read: &str,
        #[case] stamp: &str,
        #[case] expected: Option<&str>,
    ) {
        let event = Event::Reading(reading(page(stamp), false, moment(read)));
        let leak = ahead_of(moment("2026-01-01T12:00:00Z"), &event);
        assert_eq!(leak.map(|leak| leak.what).as_deref(), expected);
    }

    #[rstest]
    #[case("2026-01-01T12:00:00Z", false)]
    #[case("2026-01-01T12:00:01Z", true)]
    fn a_payout_of_the_future_is_no_event(#[case] settled: &str, #[case] leaks: bool) {
        let event = Event::Settlement(SettlementRecord {
            ticker: "KXTOPMODEL-26JAN05-C1".parse().unwrap(),
            yes_value: Price::ONE,
            fee: Money::ZERO,
            settled_at: moment(settled),
        });
        assert_eq!(ahead_of(moment("2026-01-01T12:00:00Z"), &event).is_some(), leaks);
    }
}
