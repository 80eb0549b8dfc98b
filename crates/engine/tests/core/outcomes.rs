//! What markets were decided to pay is written down, whoever holds them.

use autotrader_domain::ports::Restored;
use autotrader_domain::{Market, MarketStatus, Money, Record, SettlementRecord, Ticker};
use autotrader_engine::{Effect, Event};

use crate::kit::{Play, at, entry, market, placed};

const CLOSE: i64 = 86_400;

fn listing(markets: Vec<Market>) -> Event {
    Event::Markets {
        series: "SERIES".parse().unwrap(),
        markets,
    }
}

fn decided_market(name: &str, status: MarketStatus, yes_value: Option<&str>) -> Market {
    Market {
        status,
        settlement_value: yes_value.map(|value| value.parse().unwrap()),
        ..market(name)
    }
}

/// Market, value and whether it was paid, of what is written down.
fn written(effects: &[Effect]) -> Vec<(String, String, bool)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(Record::Decided(decided)) => Some((
                decided.ticker.to_string(),
                decided.yes_value.to_string(),
                decided.paid,
            )),
            _ => None,
        })
        .collect()
}

fn word(name: &str, value: &str, paid: bool) -> (String, String, bool) {
    (name.to_owned(), value.to_owned(), paid)
}

#[test]
fn a_value_counts_once_the_market_is_decided() {
    for (status, value, expected) in [
        (MarketStatus::Active, Some("1"), None),
        (MarketStatus::Closed, Some("1"), None),
        (MarketStatus::Unknown, Some("1"), None),
        (MarketStatus::Determined, Some("1"), Some(("1.0000", false))),
        (MarketStatus::Determined, None, None),
        (MarketStatus::Disputed, Some("0"), Some(("0.0000", false))),
        (MarketStatus::Amended, Some("0.3333"), Some(("0.3333", false))),
        (MarketStatus::Finalized, Some("0.25"), Some(("0.2500", true))),
    ] {
        let mut play = Play::new();
        let listed = listing(vec![decided_market("A", status, value), market("B")]);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(value, paid)| word("A", value, paid))
            .collect();
        let effects = play.handle(CLOSE, &listed);
        assert_eq!(written(&effects), expected, "{status:?}");
        let again = play.handle(CLOSE + 1, &listed);
        assert_eq!(written(&again), [], "{status:?} is said once");
    }
}

#[test]
fn a_market_that_is_listed_no_more_is_asked_for_until_it_has_paid() {
    let mut play = Play::new();
    let b: Ticker = "B".parse().unwrap();
    play.handle(10, &listing(vec![market("A")]));
    assert_eq!(play.engine.undecided(at(CLOSE - 1)), [], "it might still trade");
    assert_eq!(play.engine.undecided(at(CLOSE)), std::slice::from_ref(&b));
    assert_eq!(play.engine.undecided(at(CLOSE + 30 * 86_400)), [], "not for ever");
    // An answer that does not say it yet.
    let closed = decided_market("B", MarketStatus::Closed, None);
    assert_eq!(written(&play.handle(CLOSE + 1, &Event::Market(closed))), []);
    assert_eq!(play.engine.undecided(at(CLOSE + 1)), std::slice::from_ref(&b));
    let paid = Event::Market(decided_market("B", MarketStatus::Finalized, Some("0")));
    assert_eq!(
        written(&play.handle(CLOSE + 2, &paid)),
        [word("B", "0.0000", true)]
    );
    assert_eq!(play.engine.undecided(at(CLOSE + 2)), []);
    assert!(
        !play.engine.markets().contains_key(&b),
        "nothing is traded on what was only looked at"
    );
    assert_eq!(written(&play.handle(CLOSE + 3, &paid)), []);
}

#[test]
fn only_another_value_reopens_what_was_paid() {
    let mut play = Play::new();
    let mut say = |second, status, value| {
        let listed = listing(vec![decided_market("A", status, Some(value)), market("B")]);
        written(&play.handle(CLOSE + second, &listed))
    };
    assert_eq!(
        say(0, MarketStatus::Determined, "1"),
        [word("A", "1.0000", false)]
    );
    assert_eq!(say(1, MarketStatus::Finalized, "1"), [word("A", "1.0000", true)]);
    assert_eq!(say(2, MarketStatus::Determined, "1"), [], "a listing lags behind");
    assert_eq!(say(3, MarketStatus::Amended, "0"), [word("A", "0.0000", false)]);
    assert_eq!(say(4, MarketStatus::Finalized, "0"), [word("A", "0.0000", true)]);
}

#[test]
fn what_the_account_was_paid_is_a_settlement_and_not_asked_for() {
    let mut play = Play::new();
    let bought = placed(&play.decide(10, vec![entry("A", 10)])).remove(0);
    play.fill(11, &bought, "0.45");
    let listed = decided_market("A", MarketStatus::Determined, Some("1"));
    play.handle(CLOSE, &listing(vec![listed.clone(), market("B")]));
    let paid = Event::Settlement(SettlementRecord {
        ticker: "A".parse().unwrap(),
        yes_value: "1".parse().unwrap(),
        fee: Money::ZERO,
        settled_at: at(CLOSE + 60),
    });
    assert_eq!(
        written(&play.handle(CLOSE + 60, &paid)),
        [],
        "the settlement itself is written down"
    );
    let effects = play.handle(CLOSE + 61, &listing(vec![listed, market("B")]));
    assert_eq!(written(&effects), [], "a listing lags behind");
    play.handle(CLOSE + 62, &listing(vec![market("B")]));
    assert_eq!(play.engine.undecided(at(CLOSE + 62)), []);
}

#[test]
fn a_restart_asks_for_what_was_not_known_before_it() {
    let mut play = Play::new();
    let contract = |name: &str, check: i64| (name.parse::<Ticker>().unwrap(), at(check));
    play.engine.restore(Restored {
        undecided: vec![contract("A", CLOSE), contract("OLD", 20), contract("OPEN", CLOSE)],
        ..Restored::default()
    });
    let asked = |play: &Play, second| -> Vec<String> {
        let asked = play.engine.undecided(at(second));
        asked.iter().map(Ticker::to_string).collect()
    };
    assert_eq!(asked(&play, 30), ["OLD"]);
    assert_eq!(asked(&play, CLOSE), ["OLD", "OPEN"], "the listing tells of A");
}
