//! The history of boards, forecasts, contradicting prices and entries that were only wanted, as they are kept.

use autotrader_domain::ports::{Ledger as _, StoreError};
use autotrader_domain::{
    Arrival, BoardHash, BoardHistory, BookSide, CoherenceFinding, CoherenceKind, Contracts, Drivers,
    ForecastRecord, HistoryEvent, Led, ModelChance, Money, OrganizationChance, Record, Wanted, Why,
};
use autotrader_state::Filter;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};

use crate::fixtures::{Home, accepted, at};
use crate::ledger::why;

fn connection(home: &Home) -> SqliteConnection {
    SqliteConnection::establish(home.path().to_str().unwrap()).unwrap()
}

#[derive(QueryableByName)]
struct Figure {
    #[diesel(sql_type = diesel::sql_types::Double)]
    figure: f64,
}

fn figure(home: &Home, question: &str) -> f64 {
    let row: Figure = diesel::sql_query(format!("SELECT CAST(({question}) AS REAL) AS figure"))
        .get_result(&mut connection(home))
        .unwrap();
    row.figure
}

fn events() -> Vec<HistoryEvent> {
    let organization = Some("Northwind \"Labs\"".to_owned());
    vec![
        HistoryEvent::Listed {
            at: at(0),
            model_name: "aurora-4".into(),
            organization: organization.clone(),
        },
        HistoryEvent::Led(Led {
            at: at(0),
            model_name: "aurora-4".into(),
            organization: None,
        }),
        HistoryEvent::Delisted {
            at: at(60),
            model_name: "aurora-4".into(),
        },
        HistoryEvent::Arrived(Arrival {
            at: at(60),
            model_name: "ünïcode'; DROP TABLE board_history".into(),
            organization: None,
            gap: -39.999_999_999_9,
        }),
        HistoryEvent::Listed {
            at: at(60),
            model_name: "ünïcode'; DROP TABLE board_history".into(),
            organization: None,
        },
        HistoryEvent::Listed {
            at: at(90),
            model_name: "aurora-4".into(),
            organization,
        },
    ]
}

#[tokio::test]
async fn the_history_of_boards_survives_a_restart() {
    let home = Home::new();
    let store = home.open();
    let late = events().split_off(2);
    let early = events()[..2].to_vec();
    for (second, events) in [(0, early), (60, late)] {
        let records = vec![
            Record::History {
                at: at(second),
                events,
            },
            Record::Accepted(accepted(u8::try_from(second).unwrap(), second)),
        ];
        store.record(records).await.unwrap();
    }
    assert_eq!(store.history().board_history().unwrap(), events());
    drop(store);
    let restored = home.open().restore().await.unwrap();
    assert_eq!(restored.history, events());
    let (mut before, mut after) = (BoardHistory::default(), BoardHistory::default());
    for (history, events) in [(&mut before, events()), (&mut after, restored.history)] {
        events.iter().for_each(|event| history.apply(event));
    }
    assert_eq!(after, before);
    assert!(after.listed_at("aurora-4", at(95)) && !after.listed_at("aurora-4", at(70)));
}

#[tokio::test]
async fn what_the_history_cannot_hold_is_refused_whole() {
    let home = Home::new();
    let store = home.open();
    let arrived = |gap| {
        HistoryEvent::Arrived(Arrival {
            at: at(0),
            model_name: "a".into(),
            organization: None,
            gap,
        })
    };
    let events = vec![arrived(1.0), arrived(f64::NAN)];
    let refused = store.record(vec![Record::History { at: at(0), events }]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(store.history().board_history().unwrap(), []);
}

#[test]
fn a_stored_event_of_another_version_names_its_place() {
    let home = Home::new();
    let store = home.open();
    let alter = "PRAGMA ignore_check_constraints = ON; \
        INSERT INTO board_history (at, event, model_name) VALUES (1, 'melted', 'a');";
    connection(&home).batch_execute(alter).unwrap();
    let error = store.history().board_history().unwrap_err();
    assert!(
        error.to_string().contains("board_history.event holds melted"),
        "{error}"
    );
}

fn model(name: &str, organization: Option<&str>, p: f64) -> ModelChance {
    ModelChance {
        model_name: name.into(),
        organization: organization.map(str::to_owned),
        p,
    }
}

fn organization(name: &str, p: f64) -> OrganizationChance {
    OrganizationChance {
        organization: name.into(),
        p,
    }
}

fn drivers(leader: &str) -> Drivers {
    Drivers {
        leader: leader.into(),
        runner_up: None,
        gap: None,
        leader_votes: Some(25_600),
        refreshes_expected: 2.0,
        no_refresh: 0.1 + 0.2,
        arrivals_expected: 0.121,
        lambda_per_day: 0.017_3,
        uncertainty: 0.5,
    }
}

fn forecast(models: Vec<ModelChance>) -> ForecastRecord {
    let unlisted = 1.0 - models.iter().map(|chance| chance.p).sum::<f64>();
    ForecastRecord {
        at: at(10),
        check_time: at(86_400),
        rule_set: "cascade".into(),
        board: BoardHash([9; 32]),
        estimator: "board_walk".into(),
        models,
        organizations: vec![organization("A", 0.9), organization("Z", 0.000_4)],
        other: 0.099_6,
        unlisted,
        drivers: None,
    }
}

async fn kept(forecast: ForecastRecord) -> (Home, ForecastRecord) {
    let home = Home::new();
    let store = home.open();
    store.record(vec![Record::Forecast(forecast)]).await.unwrap();
    let mut kept = store.history().forecasts(&Filter::default()).unwrap();
    assert_eq!(kept.len(), 1);
    drop(store);
    (home, kept.remove(0))
}

#[tokio::test]
async fn a_forecast_comes_back_with_the_models_that_count() {
    let said = ForecastRecord {
        drivers: Some(drivers("a")),
        ..forecast(vec![
            model("a", Some("A"), 0.8),
            model("b", None, 0.1),
            model("c", Some("C"), 0.000_5),
            model("d", Some("D"), 0.000_499),
            model("e", Some("E"), 0.000_001),
        ])
    };
    let (home, kept) = kept(said.clone()).await;
    let expected = ForecastRecord {
        models: said.models[..3].to_vec(),
        organizations: said.organizations[..1].to_vec(),
        unlisted: kept.unlisted,
        ..said.clone()
    };
    assert_eq!(kept, expected);
    assert!((kept.unlisted - said.unlisted).abs() < 1e-7);
    assert!(
        (kept.unnamed_models() - 0.000_5).abs() < 1e-6,
        "{}",
        kept.unnamed_models()
    );
    assert!((kept.unnamed_organizations() - 0.000_4).abs() < 1e-6);
    assert!((figure(&home, "SELECT rest FROM forecasts") - 0.000_5).abs() < 1e-6);
}

#[tokio::test]
async fn who_leads_is_kept_however_improbable() {
    let models = vec![
        model("b", None, 0.000_3),
        model("c", None, 0.000_2),
        model("a", None, 0.000_1),
    ];
    let said = ForecastRecord {
        drivers: Some(drivers("a")),
        ..forecast(models.clone())
    };
    let names = |forecast: &ForecastRecord| -> Vec<String> {
        forecast
            .models
            .iter()
            .map(|chance| chance.model_name.clone())
            .collect()
    };
    assert_eq!(names(&kept(said).await.1), ["b", "a"], "and the most probable");
    assert_eq!(names(&kept(forecast(models)).await.1), ["b"]);
}

#[tokio::test]
async fn an_empty_forecast_comes_back_empty() {
    let said = ForecastRecord {
        organizations: vec![],
        other: 1.0,
        ..forecast(vec![])
    };
    assert_eq!(kept(said.clone()).await.1, said);
}

#[tokio::test]
async fn each_name_is_written_once_and_forecasts_are_asked_for_by_time() {
    let home = Home::new();
    let store = home.open();
    for second in [10, 20, 30] {
        let records = ["board_walk", "persistence"].map(|estimator| {
            Record::Forecast(ForecastRecord {
                at: at(second),
                estimator: estimator.into(),
                // An organisation may have a model's name.
                ..forecast(vec![
                    model("A", Some("A"), 0.5),
                    model(&format!("m{second}"), None, 0.25),
                ])
            })
        });
        store.record(records.to_vec()).await.unwrap();
    }
    assert!((figure(&home, "SELECT count(*) FROM forecast_names") - 4.0).abs() < 1e-9);
    let history = store.history();
    let told = |filter: &Filter| -> Vec<String> {
        let forecasts = history.forecasts(filter).unwrap();
        forecasts
            .iter()
            .map(|kept| format!("{} {}", kept.models[1].model_name, kept.estimator))
            .collect()
    };
    let since = Filter {
        since: Some(at(20)),
        ..Filter::default()
    };
    assert_eq!(
        told(&since),
        [
            "m20 board_walk",
            "m20 persistence",
            "m30 board_walk",
            "m30 persistence"
        ]
    );
    let last = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    assert_eq!(told(&last), ["m30 persistence"]);
}

fn finding(kind: CoherenceKind, net: f64) -> CoherenceFinding {
    CoherenceFinding {
        kind,
        event: "KXLLM1-26SEP28".parse().unwrap(),
        organization: (kind != CoherenceKind::BidsAboveOne).then(|| "Northwind".to_owned()),
        sets: Contracts::whole(12),
        gross: net + 0.02,
        net,
        capital: Money::micros(2_950_000),
    }
}

#[tokio::test]
async fn contradicting_prices_come_back() {
    let home = Home::new();
    let store = home.open();
    let found = [
        (at(1), finding(CoherenceKind::BidsAboveOne, 0.017_9)),
        (
            at(2),
            finding(CoherenceKind::OrganizationUnderItsModels, 0.1 + 0.2),
        ),
        (at(3), finding(CoherenceKind::ModelsUnderTheirOrganization, -0.01)),
    ];
    let records = found.iter().map(|(at, finding)| Record::Coherence {
        at: *at,
        finding: finding.clone(),
    });
    store.record(records.collect()).await.unwrap();
    assert_eq!(store.history().coherence(&Filter::default()).unwrap(), found);
    let since = Filter {
        since: Some(at(2)),
        limit: Some(1),
        ..Filter::default()
    };
    assert_eq!(store.history().coherence(&since).unwrap(), found[2..]);
}

fn wanted() -> Why {
    Why {
        wanted: Some(Wanted {
            side: BookSide::Ask,
            contracts: Contracts::whole(7),
            limit: "0.9312".parse().unwrap(),
            cost: Money::micros(481_600),
            fees: Money::micros(31_400),
        }),
        ..why("T-B", 20)
    }
}

#[tokio::test]
async fn what_would_have_been_entered_comes_back_with_its_line() {
    let home = Home::new();
    let store = home.open();
    let lines = [why("T-A", 10), wanted()];
    let records = lines.iter().cloned().map(Record::Decision).collect();
    store.record(records).await.unwrap();
    assert_eq!(store.history().decisions(&Filter::default()).unwrap(), lines);
    assert_eq!(store.history().latest_decisions().unwrap(), lines);
    connection(&home)
        .batch_execute("UPDATE decisions SET wanted_fees = NULL;")
        .unwrap();
    let error = store.history().decisions(&Filter::default()).unwrap_err();
    assert!(
        error.to_string().contains("decisions.wanted_"),
        "half of it is not read as none: {error}"
    );
}

#[tokio::test]
async fn forecasts_and_the_history_of_boards_are_never_pruned() {
    let home = Home::new();
    let store = home.open();
    let records = vec![
        Record::History {
            at: at(0),
            events: events(),
        },
        Record::Forecast(forecast(vec![model("a", None, 0.5)])),
        Record::Coherence {
            at: at(0),
            finding: finding(CoherenceKind::BidsAboveOne, 0.01),
        },
        Record::Decision(wanted()),
    ];
    store.record(records).await.unwrap();
    assert_eq!(store.prune(at(1_000_000)).await.unwrap().decisions, 1);
    let history = store.history();
    assert_eq!(history.board_history().unwrap(), events());
    assert_eq!(history.forecasts(&Filter::default()).unwrap().len(), 1);
    assert_eq!(history.coherence(&Filter::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_from_before_the_history_is_brought_up_to_date_with_what_it_holds() {
    let home = Home::new();
    let store = home.open();
    let records = vec![Record::Decision(why("T-A", 10)), Record::Accepted(accepted(3, 5))];
    store.record(records).await.unwrap();
    drop(store);
    let back = concat!(
        include_str!("../../../../migrations/2026-11-24-000300_outcomes/down.sql"),
        include_str!("../../../../migrations/2026-11-24-000100_board_history/down.sql"),
        "DELETE FROM __diesel_schema_migrations WHERE version IN ('20261124000100', '20261124000300');"
    );
    connection(&home).batch_execute(back).unwrap();

    let store = home.open();
    assert_eq!(
        store.history().decisions(&Filter::default()).unwrap(),
        [why("T-A", 10)]
    );
    let restored = store.restore().await.unwrap();
    assert_eq!(restored.accepted.unwrap(), *accepted(3, 5));
    assert_eq!(restored.history, []);
    let records = vec![
        Record::History {
            at: at(0),
            events: events(),
        },
        Record::Decision(wanted()),
        Record::Forecast(forecast(vec![model("a", None, 0.5)])),
    ];
    store.record(records).await.unwrap();
    assert_eq!(
        store.history().decisions(&Filter::default()).unwrap(),
        [why("T-A", 10), wanted()]
    );
}
