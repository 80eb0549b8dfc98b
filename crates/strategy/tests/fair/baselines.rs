//! The rank table and persistence, on boards and histories that can be followed by hand, and on a captured board.

use autotrader_domain::{BoardHistory, HistoryEvent, Led};
use autotrader_settlement::{Board, Entry, Rating};
use autotrader_strategy::params::EstimatorKind::{self, Persistence, RankTable, RecencyPersistence};
use chrono::TimeDelta;
use rstest::rstest;

use crate::kit::{Asked, close, lab, listed, model, shared, time};
use crate::scene::{ROWS, board, owned};

/// Entries with a rank bound and a falling score each.
fn ranked(bounds: &[i64]) -> Board {
    let entries = bounds
        .iter()
        .enumerate()
        .map(|(i, bound)| Entry {
            organization: Some("Lab".to_owned()),
            rank_ub: Some(*bound),
            score: Some(Rating::from_value(1500.0 - 3.0 * i as f64)),
            votes: Some(1),
            ..Entry::named(format!("m{i}"))
        })
        .collect();
    Board { entries }
}

#[rstest]
// The winner takes .65 + .05 of all, the next .65 of the rest, and so on; then everything is scaled to .95.
#[case::three_claim_the_top(&[1, 1, 1], &[0.70, 0.195, 0.068_25])]
#[case::alone_at_the_top(&[1, 2, 3], &[0.70, 0.066, 0.0234])]
#[case::beyond_the_table(&[1, 6, 7], &[0.70, 0.3 * 0.04 * 0.740_818_220_681_717_9, 0.0])]
#[case::far_down_is_nothing(&[1, 60], &[0.70, 0.0])]
#[case::no_claim_is_nothing(&[1, 0], &[0.70, 0.0])]
fn the_table_is_shared_out_in_the_order_of_settlement(#[case] bounds: &[i64], #[case] taken: &[f64]) {
    let board = ranked(bounds);
    let asked = Asked::about(board, 1);
    let mut taken = taken.to_vec();
    if bounds == [1, 6, 7] {
        let share = 0.04 * (-0.6f64).exp();
        taken[2] = (1.0 - 0.70 - taken[1]) * share;
    }
    let total: f64 = taken.iter().sum();
    for (i, own) in taken.iter().enumerate() {
        close(
            asked.worth(RankTable, &model(&format!("m{i}"))),
            0.95 * own / total,
        );
    }
    close(
        asked.answer(RankTable, |forecast| forecast.unlisted()).unwrap(),
        0.05,
    );
}

#[test]
fn a_leader_alone_at_its_rank_is_worth_more_than_one_that_others_challenge() {
    let worth = |bounds: &[i64]| Asked::about(ranked(bounds), 1).worth(RankTable, &model("m0"));
    assert!(worth(&[1, 2, 3, 4, 5]) > worth(&[1, 1, 3, 4, 5]));
    assert!(worth(&[1, 1, 3, 4, 5]) > worth(&[1, 1, 1, 4, 5]));
}

#[test]
fn the_uplift_needs_a_complete_tie_break_and_preliminary_models_are_discounted() {
    let mut board = ranked(&[1, 1]);
    let worth = |board: &Board| Asked::about(board.clone(), 1).worth(RankTable, &model("m0"));
    close(worth(&board), 0.95 * 0.70 / 0.895);
    board.entries[1].score = None;
    close(worth(&board), 0.95 * 0.65 / (0.65 + 0.35 * 0.65));
    board.entries[0].preliminary = true;
    let share = 0.65 * 0.7;
    close(worth(&board), 0.95 * share / (share + (1.0 - share) * 0.65));
}

#[test]
fn a_lab_is_worth_its_models_and_its_share_of_the_unlisted() {
    let mut asked = Asked::about(board(&owned(&ROWS)), 4);
    asked.params.board_walk.prior = autotrader_strategy::params::ArrivalPrior::none();
    // Without any release five labs have the same base, and the leader's has a bonus.
    let share = |incumbent: f64| 0.7 * 0.96 / 5.0 + 0.3 * incumbent;
    asked.answer(RankTable, |forecast| {
        let own = |names: &[&str]| {
            names
                .iter()
                .map(|name| forecast.probability(&model(name)))
                .sum::<f64>()
        };
        for (name, models, incumbent) in [
            ("Northwind", &["aurora-6", "aurora-5"][..], 1.0),
            ("Contoso", &["boreas-5", "boreas-4"][..], 0.0),
            ("Litware", &["ember-3"][..], 0.0),
        ] {
            close(
                forecast.probability(&lab(name)),
                own(models) + 0.05 * share(incumbent),
            );
            close(forecast.unlisted_of(name), 0.05 * share(incumbent));
        }
        let labs = ["Northwind", "Contoso", "Fabrikam", "Tailspin", "Litware"].map(lab);
        close(forecast.nobody(labs.iter()), 0.05 * 0.7 * 0.04);
        close(forecast.other(), 0.05 * 0.7 * 0.04);
        close(forecast.probability(&lab("Initech")), 0.0);
    });
}

#[test]
fn more_arrivals_are_worse_for_every_listed_model() {
    let mut asked = Asked::about(board(&owned(&ROWS)), 4);
    for kind in [RankTable, EstimatorKind::BoardWalk] {
        for name in ["aurora-6", "boreas-5"] {
            let [fewer, central, more] = [0.5, 1.0, 1.5].map(|arrivals| {
                asked.arrivals = arrivals;
                asked.worth(kind, &model(name))
            });
            assert!(fewer > central && central > more, "{kind:?} {name}");
        }
    }
}

/// Leaders by the day they took the lead, all listed from the first day but one.
fn led(days: &[(&str, &str, &str)], first: &str, late: &str, since: &str) -> BoardHistory {
    let mut history = BoardHistory::default();
    for (name, organization, from) in days {
        let entry = Entry {
            organization: Some((*organization).to_owned()),
            ..Entry::named(*name)
        };
        let seen = if *name == late { since } else { first };
        listed(&mut history, time(&format!("{seen}T00:00:00Z")), &entry);
        history.apply(&HistoryEvent::Led(Led {
            at: time(&format!("{from}T00:00:00Z")),
            model_name: (*name).to_owned(),
            organization: Some((*organization).to_owned()),
        }));
    }
    history
}

#[test]
fn persistence_counts_the_windows_that_have_closed() {
    let mut asked = Asked::about(board(&owned(&ROWS)), 10);
    // Forty days: twenty of the first, fourteen of the second, six of the third, which was listed five days before it led.
    asked.at = time("2026-03-11T00:00:00Z");
    asked.history = led(
        &[
            ("boreas-5", "Contoso", "2026-01-30"),
            ("aurora-5", "Northwind", "2026-02-19"),
            ("aurora-6", "Northwind", "2026-03-05"),
        ],
        "2026-01-30",
        "aurora-6",
        "2026-02-28",
    );
    // Windows open on days 0 to 30. Days 0–9 stay with the first, 10–19 go to a listed rival of another lab; 20–23 stay with
    // the second, 24–28 go to one not yet listed, 29 and 30 to a listed one, all inside the lab.
    let windows = 31.0 + 15.0;
    let (model_stays, lab_stays) = ((-0.2f64).exp(), (-0.12f64).exp());
    let stays = (14.0 + 15.0 * model_stays) / windows;
    let listed = (12.0 + 15.0 * (1.0 - model_stays) * 0.3) / windows;
    let unlisted = (5.0 + 15.0 * (1.0 - model_stays) * 0.7) / windows;
    let organization = (21.0 + 15.0 * lab_stays) / windows;
    asked.answer(Persistence, |forecast| {
        close(forecast.probability(&model("aurora-6")), stays);
        close(forecast.unlisted(), unlisted);
        let seven: f64 = (0..7).map(|place| 0.6f64.powi(place)).sum();
        close(forecast.probability(&model("boreas-5")), listed / seven);
        close(
            forecast.probability(&model("cirrus-1")),
            listed * 0.6f64.powi(6) / seven,
        );
        close(forecast.probability(&lab("Northwind")), organization);
        let four: f64 = (0..4).map(|place| 0.7f64.powi(place)).sum();
        close(
            forecast.probability(&lab("Contoso")),
            (1.0 - organization) * 0.95 / four,
        );
        close(forecast.other(), (1.0 - organization) * 0.05);
    });
    // A window that closed an hour late does not count yet, and a day of a fraction has its fraction of the prior.
    asked.at -= TimeDelta::hours(1);
    let before = asked.worth(Persistence, &model("aurora-6"));
    close(before, (14.0 + 15.0 * model_stays) / (windows - 1.0));
    asked.horizon = TimeDelta::hours(6);
    // Every window of six hours stays; one opens on each of the forty days before.
    close(
        asked.worth(Persistence, &model("aurora-6")),
        (40.0 + 15.0 * (-0.005f64).exp()) / 55.0,
    );
}

#[test]
fn recency_forgets_old_windows() {
    let mut asked = Asked::about(board(&owned(&ROWS)), 1);
    asked.at = time("2026-03-01T00:00:00Z");
    asked.history = led(
        &[
            ("boreas-5", "Contoso", "2026-02-26"),
            ("aurora-6", "Northwind", "2026-02-28"),
        ],
        "2026-02-26",
        "",
        "",
    );
    // Windows close 2, 1 and 0 days before now; that of one day before changed the leader and the lab.
    let weight = |days: f64| (-days / 90.0).exp2();
    let total = weight(2.0) + weight(1.0) + 1.0 + 15.0;
    let stays = (weight(2.0) + 1.0 + 15.0 * (-0.02f64).exp()) / total;
    close(asked.worth(RecencyPersistence, &model("aurora-6")), stays);
    let organization = (weight(2.0) + 1.0 + 15.0 * (-0.012f64).exp()) / total;
    close(asked.worth(RecencyPersistence, &lab("Northwind")), organization);
}

#[test]
fn without_a_history_persistence_is_its_prior() {
    let asked = Asked::about(board(&owned(&ROWS)), 4);
    for kind in [Persistence, RecencyPersistence] {
        close(asked.worth(kind, &model("aurora-6")), (-0.08f64).exp());
        close(asked.worth(kind, &lab("Northwind")), (-0.048f64).exp());
    }
}

#[rstest]
fn at_the_check_the_winner_has_won(#[values(0, -1)] seconds: i64) {
    let mut asked = Asked::about(board(&owned(&ROWS)), 0);
    asked.horizon = TimeDelta::seconds(seconds);
    for kind in EstimatorKind::ALL {
        close(asked.worth(kind, &model("aurora-6")), 1.0);
        close(asked.worth(kind, &lab("Northwind")), 1.0);
        close(asked.worth(kind, &lab("Contoso")), 0.0);
        asked.answer(kind, |forecast| {
            close(forecast.unlisted(), 0.0);
            close(forecast.other(), 0.0);
        });
    }
}

#[test]
fn an_empty_board_has_no_forecast() {
    for days in [0, 1] {
        let asked = Asked::about(Board::default(), days);
        for kind in EstimatorKind::ALL {
            assert_eq!(asked.answer(kind, |_| ()), None);
        }
    }
}

/// The first twenty rows of a captured board, with the fields that the estimators read.
fn captured() -> Option<Board> {
    let path = shared("arena/pages/2026-05-overall-no-style-control.expected.json")?;
    let text = std::fs::read_to_string(path).unwrap();
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = page["first20"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Entry {
            organization: row["modelOrganization"].as_str().map(str::to_owned),
            rank_ub: row["rankUpper"].as_i64(),
            score: row["rating"].as_f64().map(Rating::from_value),
            votes: row["votes"].as_i64(),
            ..Entry::named(row["modelDisplayName"].as_str().unwrap())
        })
        .collect();
    Some(Board { entries })
}

#[test]
fn on_a_captured_board_the_leader_is_worth_most_and_its_rival_some() {
    let Some(board) = captured() else {
        return;
    };
    let leaders = [
        board.entries[0].model_name.clone(),
        board.entries[1].model_name.clone(),
    ];
    let lab_of_both = board.entries[0].organization.clone().unwrap();
    let asked = Asked::about(board, 3);
    // Two models claim the first rank: the winner with its uplift and the other share nearly everything.
    let worth = leaders.clone().map(|name| asked.worth(RankTable, &model(&name)));
    assert!((0.65..0.75).contains(&worth[0]), "{worth:?}");
    assert!((0.15..0.22).contains(&worth[1]), "{worth:?}");
    // The board walk knows that it is three days, and how far they are apart.
    let worth = leaders.map(|name| asked.worth(EstimatorKind::BoardWalk, &model(&name)));
    assert!(worth[0] > 0.75 && worth[1] < worth[0], "{worth:?}");
    assert!(asked.worth(EstimatorKind::BoardWalk, &lab(&lab_of_both)) > 0.9);
    assert!(asked.worth(RankTable, &lab(&lab_of_both)) > 0.9);
}
