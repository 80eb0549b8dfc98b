//! The history of boards across acceptance and restart; which forecasts and findings are written down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::{Restored, SignalSource, Strategy};
use autotrader_domain::{
    AcceptedBoard, Approvals, BoardHash, BoardHistory, BoardStanding, CoherenceFinding, CoherenceKind,
    Contracts, Evaluation, ForecastRecord, GatedBoard, HistoryEvent, Mapping, MappingState, Market,
    MarketView, ModelChance, Money, Observation, ParsePath, Reading, ReadingOutcome, Record, Verdict,
    Vintage,
};
use autotrader_engine::{Effect, Engine, Event, verify};
use autotrader_risk::{Limits, RiskEngine};
use autotrader_settlement::{Board, Entry, Rating};
use chrono::{DateTime, Utc};

use crate::kit::{at, settings};

/// Accepts every page at once.
#[derive(Default)]
struct Trusting(BoardStanding);

impl SignalSource for Trusting {
    fn observe(&mut self, reading: &Reading) -> Observation {
        let ReadingOutcome::Page { page, .. } = &reading.outcome else {
            return Observation::default();
        };
        if self
            .0
            .accepted
            .as_ref()
            .is_some_and(|accepted| accepted.hash == page.hash)
        {
            return Observation::default();
        }
        let accepted = Arc::new(AcceptedBoard {
            board: Arc::clone(&page.board),
            hash: page.hash,
            vintage: Vintage(reading.fetched_at),
            path: page.path.unwrap(),
            accepted_at: reading.fetched_at,
        });
        self.0.accepted = Some(Arc::clone(&accepted));
        Observation {
            accepted: Some(accepted),
            ..Observation::default()
        }
    }

    fn standing(&self) -> &BoardStanding {
        &self.0
    }

    fn restore(&mut self, accepted: AcceptedBoard, renames: Vec<(String, String)>) {
        self.0.accepted = Some(Arc::new(accepted));
        self.0.renames = renames;
    }

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::Value::Null)
    }

    fn resume(&mut self, _: &serde_json::Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

/// Says what it was told to say, and notes what it was shown of the past.
#[derive(Clone, Default)]
struct Seer {
    says: Arc<Mutex<Evaluation>>,
    shown: Arc<Mutex<BoardHistory>>,
}

impl Strategy for Seer {
    fn name(&self) -> &'static str {
        "seer"
    }

    fn map(&self, market: &Market, _: &BoardStanding, _: &Approvals) -> Mapping {
        Mapping {
            ticker: market.ticker.clone(),
            state: MappingState::Unmapped,
            claim: None,
            rule_set: None,
            check_time: None,
            reasons: vec![],
            suggestions: vec![],
        }
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        view.history.clone_into(&mut self.shown.lock().unwrap());
        self.says.lock().unwrap().clone()
    }
}

struct Watch {
    engine: Engine,
    seer: Seer,
    journal: Vec<String>,
}

impl Watch {
    fn new() -> Self {
        let seer = Seer::default();
        let engine = Engine::new(
            settings(),
            Box::new(Trusting::default()),
            Box::new(seer.clone()),
            RiskEngine::new(Limits::default()),
            Money::dollars(1_000),
        );
        Self {
            engine,
            seer,
            journal: vec![],
        }
    }

    fn restored(restored: Restored) -> Self {
        let mut watch = Self::new();
        watch.engine.restore(restored);
        watch
    }

    fn handle(&mut self, time: DateTime<Utc>, event: &Event) -> Vec<Record> {
        let handled = self.engine.handle(time, event).unwrap();
        self.journal.push(handled.record.line());
        let records = handled.effects.into_iter().filter_map(|effect| match effect {
            Effect::Record(record) => Some(record),
            _ => None,
        });
        records.collect()
    }

    fn see(&mut self, second: i64, page: &Arc<GatedBoard>) -> Vec<Record> {
        self.handle(at(second), &Event::Reading(reading(page, second)))
    }

    /// Has the strategy say something at the next evaluation, which a book's news would cause.
    fn say(
        &mut self,
        second: i64,
        forecasts: Vec<ForecastRecord>,
        coherence: Vec<CoherenceFinding>,
    ) -> Vec<Record> {
        *self.seer.says.lock().unwrap() = Evaluation {
            forecasts,
            coherence,
            ..Evaluation::default()
        };
        self.handle(at(second), &Event::Exchange(crate::kit::TRADING));
        let markets = Event::Markets {
            series: "S".parse().unwrap(),
            markets: vec![],
        };
        self.handle(at(second), &markets);
        self.handle(at(second), &Event::Timer)
    }
}

fn page(salt: u8, path: ParsePath, rows: &[(&str, f64)]) -> Arc<GatedBoard> {
    let entries = rows.iter().map(|(name, score)| Entry {
        organization: Some(format!("{name} labs")),
        score: Some(Rating::from_value(*score)),
        rank_ub: Some(1),
        votes: Some(9_000),
        ..Entry::named(*name)
    });
    Arc::new(GatedBoard {
        verdict: Verdict::Tradable,
        reasons: vec![],
        path: Some(path),
        slug: None,
        category: None,
        style_control: Some(false),
        vintage: None,
        hash: BoardHash([salt; 32]),
        total_models: None,
        total_votes: None,
        board: Arc::new(Board {
            entries: entries.collect(),
        }),
        anomalies: vec![],
    })
}

fn reading(page: &Arc<GatedBoard>, second: i64) -> Reading {
    Reading {
        source: "primary".into(),
        fetched_at: at(second),
        origin: second.to_string(),
        latency: Duration::ZERO,
        bytes: 0,
        outcome: ReadingOutcome::Page {
            page: Arc::clone(page),
            unchanged: false,
        },
    }
}

fn first() -> Arc<GatedBoard> {
    page(1, ParsePath::Flight, &[("a", 1500.0), ("b", 1490.0)])
}

fn second() -> Arc<GatedBoard> {
    page(2, ParsePath::Flight, &[("a", 1500.0), ("n", 1510.0)])
}

fn history(records: &[Record]) -> Vec<HistoryEvent> {
    let events = records.iter().filter_map(|record| match record {
        Record::History { events, .. } => Some(events.clone()),
        _ => None,
    });
    events.flatten().collect()
}

/// What a database would give back of the records of a run.
fn stored(records: &[Record]) -> Restored {
    let accepted = records.iter().rev().find_map(|record| match record {
        Record::Accepted(accepted) => Some(accepted.as_ref().clone()),
        _ => None,
    });
    Restored {
        history: history(records),
        accepted,
        ..Restored::default()
    }
}

#[test]
fn an_accepted_board_is_observed_before_it_is_decided_on() {
    let mut watch = Watch::new();
    watch.see(10, &first());
    let records = watch.see(20, &second());
    let told: Vec<String> = history(&records)
        .iter()
        .map(|event| match event {
            HistoryEvent::Listed { model_name, .. } => format!("listed {model_name}"),
            HistoryEvent::Delisted { model_name, .. } => format!("delisted {model_name}"),
            HistoryEvent::Arrived(arrival) => format!("arrived {} {}", arrival.model_name, arrival.gap),
            HistoryEvent::Led(led) => format!("led {}", led.model_name),
        })
        .collect();
    assert_eq!(told, ["delisted b", "arrived n 10", "listed n", "led n"]);
    let shown = watch.seer.shown.lock().unwrap().clone();
    assert_eq!(shown.leader_at(at(20)).unwrap().model_name, "n");
    assert_eq!(&shown, watch.engine.history());
    let accepted_with_it = records.iter().any(|record| matches!(record, Record::Accepted(_)));
    assert!(accepted_with_it, "one step writes both");
}

#[test]
fn a_page_that_is_read_coarser_brings_no_arrivals() {
    let mut watch = Watch::new();
    watch.see(10, &first());
    watch.see(
        20,
        &page(3, ParsePath::HtmlTable, &[("a", 1500.0), ("n", 1510.0)]),
    );
    watch.see(
        30,
        &page(4, ParsePath::HtmlTable, &[("a", 1500.0), ("m", 1512.0)]),
    );
    let arrived: Vec<&str> = watch
        .engine
        .history()
        .arrivals()
        .iter()
        .map(|arrival| arrival.model_name.as_str())
        .collect();
    assert_eq!(arrived, ["m"]);
}

#[test]
fn the_history_after_a_restart_is_the_history_before() {
    let mut before = Watch::new();
    let mut records = before.see(10, &first());
    records.extend(before.see(20, &second()));
    records.extend(before.see(30, &first()));
    let mut after = Watch::restored(stored(&records));
    assert_eq!(after.engine.history(), before.engine.history());
    assert_eq!(history(&after.see(40, &first())), [], "nothing is written twice");
    let (next, other) = (after.see(50, &second()), before.see(50, &second()));
    assert_eq!(history(&next), history(&other));
}

#[test]
fn a_database_with_a_board_and_no_history_begins_it_from_that_board() {
    let mut before = Watch::new();
    let records = before.see(10, &first());
    let accepted_alone = Restored {
        history: vec![],
        ..stored(&records)
    };
    let mut after = Watch::restored(accepted_alone);
    assert_eq!(after.engine.history(), before.engine.history());
    let begun = after.handle(at(60), &Event::Timer);
    assert_eq!(history(&begun), history(&records), "with the first event");
    assert_eq!(history(&after.handle(at(61), &Event::Timer)), []);
    assert_eq!(after.engine.history().since(), Some(at(10)));
    after.see(70, &second());
    assert_eq!(
        after.engine.history().arrivals().len(),
        1,
        "the standing board is what the next is held against"
    );
}

fn forecast(estimator: &str, check: i64, rule_set: &str, board: u8, p: f64) -> ForecastRecord {
    ForecastRecord {
        at: at(0),
        check_time: at(check),
        rule_set: rule_set.into(),
        board: BoardHash([board; 32]),
        estimator: estimator.into(),
        models: vec![ModelChance {
            model_name: "a".into(),
            organization: None,
            p,
        }],
        organizations: vec![],
        other: 1.0 - p,
        unlisted: 1.0 - p,
        drivers: None,
    }
}

fn both(check: i64, rule_set: &str, board: u8) -> Vec<ForecastRecord> {
    ["board_walk", "persistence"]
        .map(|estimator| forecast(estimator, check, rule_set, board, 0.5))
        .to_vec()
}

fn forecasts(records: &[Record]) -> Vec<String> {
    let told = records.iter().filter_map(|record| match record {
        Record::Forecast(forecast) => Some(format!("{} {}", forecast.estimator, forecast.rule_set)),
        _ => None,
    });
    told.collect()
}

#[test]
fn forecasts_are_written_on_another_board_and_hourly_all_estimators_together() {
    let mut watch = Watch::new();
    let all = ["board_walk cascade", "persistence cascade"];
    assert_eq!(forecasts(&watch.say(0, both(9_000, "cascade", 1), vec![])), all);
    for (second, board, expected) in [
        (10, 1, &[][..]),
        (3_599, 1, &[]),
        (3_600, 1, &all),
        (3_700, 2, &all),
        (3_710, 2, &[]),
        (3_720, 1, &all),
        (7_319, 1, &[]),
        (7_320, 1, &all),
    ] {
        let records = watch.say(second, both(9_000, "cascade", board), vec![]);
        assert_eq!(forecasts(&records), expected, "second {second}");
    }
}

#[test]
fn no_order_waits_for_a_forecast() {
    let mut play = crate::kit::Play::new();
    play.wants.says(both(9_000, "cascade", 1));
    let effects = play.decide(10, vec![crate::kit::entry("A", 5)]);
    let records = |effects: Vec<Effect>| -> Vec<Record> {
        let records = effects.into_iter().filter_map(|effect| match effect {
            Effect::Record(record) => Some(record),
            _ => None,
        });
        records.collect()
    };
    assert_eq!(crate::kit::placed(&effects).len(), 1);
    assert_eq!(forecasts(&records(effects)), Vec::<String>::new());
    let next = records(play.handle(11, &Event::Timer));
    assert_eq!(forecasts(&next), ["board_walk cascade", "persistence cascade"]);
    assert_eq!(
        forecasts(&records(play.handle(12, &Event::Timer))),
        Vec::<String>::new()
    );
}

#[test]
fn each_check_and_rule_set_has_its_own_hour() {
    let mut watch = Watch::new();
    watch.say(0, both(9_000, "cascade", 1), vec![]);
    let mut three = both(9_000, "cascade", 1);
    three.extend(both(9_000, "ordinal", 1));
    three.extend(both(10_000, "cascade", 1));
    let told = forecasts(&watch.say(10, three, vec![]));
    let expected = [
        "board_walk ordinal",
        "persistence ordinal",
        "board_walk cascade",
        "persistence cascade",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_said_of_a_past_check_is_no_forecast() {
    let mut watch = Watch::new();
    assert_eq!(
        forecasts(&watch.say(10, both(10, "cascade", 1), vec![])),
        Vec::<String>::new()
    );
    assert_eq!(forecasts(&watch.say(20, both(21, "cascade", 1), vec![])).len(), 2);
}

#[test]
fn a_forecast_that_is_not_made_of_probabilities_is_told_and_not_kept() {
    for p in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        let mut watch = Watch::new();
        let said = vec![
            forecast("broken", 9_000, "cascade", 1, p),
            forecast("sound", 9_000, "cascade", 1, 0.5),
        ];
        *watch.seer.says.lock().unwrap() = Evaluation {
            forecasts: said,
            ..Evaluation::default()
        };
        let handled = watch.engine.handle(at(1), &Event::Timer).unwrap();
        let alerts = handled.effects.iter().filter(
            |effect| matches!(effect, Effect::Alert(alert) if alert.name == "forecast_unsound:broken"),
        );
        assert_eq!(alerts.count(), 1, "{p}");
        let kept = handled.effects.iter().filter(|effect| {
            matches!(effect, Effect::Record(Record::Forecast(forecast)) if forecast.estimator == "sound")
        });
        assert_eq!(kept.count(), 1, "{p}");
        assert!(!handled.record.body.contains("\"broken\",\"models\""), "{p}");
    }
}

fn finding(event: &str, organization: Option<&str>, net: f64) -> CoherenceFinding {
    CoherenceFinding {
        kind: CoherenceKind::BidsAboveOne,
        event: event.parse().unwrap(),
        organization: organization.map(str::to_owned),
        sets: Contracts::whole(3),
        gross: net + 0.02,
        net,
        capital: Money::dollars(2),
    }
}

#[test]
fn contradicting_prices_are_written_when_new_and_hourly_where_they_are_worth_something() {
    let mut watch = Watch::new();
    let count = |records: Vec<Record>| {
        let found = records
            .iter()
            .filter(|record| matches!(record, Record::Coherence { .. }));
        found.count()
    };
    for (second, findings, expected) in [
        (0, vec![finding("E", None, 0.01)], 1),
        (10, vec![finding("E", None, 0.02)], 0),
        (
            20,
            vec![
                finding("E", None, 0.02),
                finding("F", None, 0.02),
                finding("E", Some("A"), 0.02),
            ],
            2,
        ),
        (30, vec![], 0),
        (40, vec![finding("E", None, 0.03)], 0),
        (50, vec![finding("G", None, 0.0), finding("H", None, f64::NAN)], 0),
        (3_600, vec![finding("E", None, 0.03), finding("F", None, 0.03)], 1),
    ] {
        assert_eq!(
            count(watch.say(second, vec![], findings)),
            expected,
            "second {second}"
        );
    }
}

#[test]
fn equal_runs_give_equal_journals() {
    let run = || {
        let mut watch = Watch::new();
        watch.see(10, &first());
        watch.say(15, both(9_000, "cascade", 1), vec![finding("E", None, 0.01)]);
        watch.see(20, &second());
        watch.say(25, both(9_000, "cascade", 2), vec![finding("E", None, 0.01)]);
        watch.journal
    };
    let journal = run();
    assert_eq!(journal, run());
    verify(journal.iter().map(String::as_str)).unwrap();
    let whole = journal.join("\n");
    for word in ["\"arrived\"", "\"forecast\"", "\"coherence\""] {
        assert!(whole.contains(word), "{word}");
    }
}

/// Years of boards keep the memory of a list of names, not of boards.
#[test]
fn a_year_of_boards_costs_what_its_changes_cost() {
    let mut watch = Watch::new();
    let mut events = 0;
    for number in 0..730_i64 {
        let new = format!("m{}", number / 3);
        let rows: Vec<(String, f64)> = (0..30)
            .map(|row| (format!("old{row}"), 1500.0 - f64::from(row)))
            .chain([(new, 1501.0)])
            .collect();
        let rows: Vec<(&str, f64)> = rows.iter().map(|(name, score)| (name.as_str(), *score)).collect();
        let board = page(u8::try_from(number % 251).unwrap(), ParsePath::Flight, &rows);
        events += history(&watch.see(number * 43_200, &board)).len();
    }
    // 31 first listings; then every third board takes one model off and brings one, with a lead and perhaps an arrival.
    assert!(events <= 32 + 243 * 4, "{events}");
    assert!(watch.engine.history().leaders().len() <= 244);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever boards come and whenever the process dies, the history goes on as if nothing had happened.
    #[test]
    fn a_restart_at_any_time_changes_nothing(
        boards in proptest::collection::vec(
            (proptest::collection::btree_map(0..9_u8, 1440..1530_i32, 0..7), proptest::bool::ANY, proptest::bool::ANY),
            1..14,
        ),
    ) {
        let (mut steady, mut restarted) = (Watch::new(), Watch::new());
        let mut written = Vec::new();
        for (number, (rows, coarse, dies)) in boards.iter().enumerate() {
            let names: Vec<(String, f64)> =
                rows.iter().map(|(model, score)| (format!("m{model}"), f64::from(*score))).collect();
            let rows: Vec<(&str, f64)> = names.iter().map(|(name, score)| (name.as_str(), *score)).collect();
            let path = if *coarse { ParsePath::HtmlTable } else { ParsePath::Flight };
            let salt = u8::try_from(number).unwrap();
            let second = i64::from(salt) * 200_000;
            let board = page(salt, path, &rows);
            let expected = steady.see(second, &board);
            let records = restarted.see(second, &board);
            proptest::prop_assert_eq!(history(&records), history(&expected));
            written.extend(records);
            if *dies {
                restarted = Watch::restored(stored(&written));
            }
            proptest::prop_assert_eq!(restarted.engine.history(), steady.engine.history());
        }
    }
}
