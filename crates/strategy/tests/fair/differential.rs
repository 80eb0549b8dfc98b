//! The closed form, the arrival rates and the history beside the executable reference, on random series of boards.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use autotrader_domain::BoardHistory;
use autotrader_settlement::{Board, Entry, Rating, Rule, RuleSet, ScorePrecision};
use autotrader_strategy::fair::{Estimator, Forecast, PublishedRankTable, Question, RankedBoard};
use autotrader_strategy::params::EstimatorKind::BoardWalk;
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};

use crate::kit::{Asked, lab, model, see, shared, time, variable};
use crate::monte_carlo::Stream;

const CASES: u32 = 96;

/// The contract is 1e-6; both compute in doubles, so they agree much better.
const SAME: f64 = 1e-9;

const LABS: [&str; 7] = [
    "Northwind",
    "Contoso",
    "Fabrikam",
    "Tailspin",
    "Litware",
    "Initech",
    "Umbrella",
];

/// A Python with numpy and scipy, if there is one.
fn python() -> Option<PathBuf> {
    let told = variable("AUTOTRADER_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let imports = Command::new(&told)
        .args(["-c", "import numpy, scipy"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if imports.is_ok_and(|status| status.success()) {
        return Some(PathBuf::from(told));
    }
    println!("skipped: no Python with numpy and scipy (name one with AUTOTRADER_PYTHON)");
    None
}

/// A random series: boards whose scores move, on which models arrive and from which some go.
struct Series {
    stream: Stream,
    rows: Vec<Entry>,
    arrived: u32,
    whole_points: bool,
}

impl Series {
    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.stream.next() % u64::from(bound)).unwrap()
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.stream.uniform()
    }

    fn score(&mut self, row: &mut Entry, score: f64) {
        let score = if self.whole_points {
            score.round()
        } else {
            (score * 100.0).round() / 100.0
        };
        let half = self.between(1.0, 15.0);
        let known = self.below(5) > 0;
        row.score = Some(Rating::from_value(score));
        row.ci_lower = known.then(|| Rating::from_value(score - half));
        row.ci_upper = known.then(|| Rating::from_value(score + half));
    }

    fn arrive(&mut self, score: f64) {
        self.arrived += 1;
        let mut row = Entry::named(format!("model-{:03}", self.arrived));
        let lab = self.below(7) as usize;
        row.organization = LABS.get(lab).map(|name| (*name).to_owned());
        row.votes = match self.below(6) {
            0 => None,
            1 => Some(5_000),
            2 => Some(1 + i64::from(self.below(9))),
            _ => Some(500 + i64::from(self.below(60_000))),
        };
        self.score(&mut row, score);
        self.rows.push(row);
    }

    /// The first board: some close to the top, some tied with it, one far above in some.
    fn start(&mut self) {
        for place in 0..4 + self.below(25) {
            let spread = if place < 4 { 3.0 } else { 70.0 };
            let score = 1500.0 - self.between(0.0, spread);
            self.arrive(score);
        }
        if self.below(4) == 0 {
            self.arrive(1545.0);
        }
    }

    fn step(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        let moved = self.between(-4.0, 4.0);
        for row in &mut rows {
            let score = row.score.as_ref().unwrap().value() + moved + self.between(-1.5, 1.5);
            self.score(row, score);
            row.votes = row.votes.map(|votes| votes + 700);
        }
        if rows.len() > 3 && self.below(3) == 0 {
            let gone = self.below(u32::try_from(rows.len()).unwrap()) as usize;
            rows.remove(gone);
        }
        self.rows = rows;
        for _ in 0..self.below(3) {
            let score = 1500.0 + self.between(-45.0, 25.0);
            self.arrive(score);
        }
    }
}

/// The board with rank bounds that have little to do with its scores, where the seed says so; some are missing.
fn ranked(board: &Board, seed: u64) -> Board {
    let mut board = board.clone();
    if seed.is_multiple_of(2) {
        for (row, place) in board.entries.iter_mut().zip(1i64..) {
            row.rank_ub = (place % 5 > 0).then_some(1 + place * 7 % 11);
        }
    }
    board
}

/// The same question for both.
struct Case {
    asked: Asked,
    /// The board as the rank table sees it.
    ranked: Board,
    told: Value,
}

fn told(day: NaiveDate, board: &Board) -> Value {
    let number = |rating: &Option<Rating>| rating.as_ref().map(Rating::value);
    let rows: Vec<Value> = board
        .entries
        .iter()
        .map(|row| {
            json!({
                "model": row.model_name, "org": row.organization, "score": number(&row.score), "votes": row.votes,
                "lo": number(&row.ci_lower), "hi": number(&row.ci_upper), "rank_ub": row.rank_ub,
            })
        })
        .collect();
    json!({"date": day.to_string(), "src": "one", "rows": rows})
}

fn case(seed: u64) -> Case {
    let mut series = Series {
        stream: Stream(seed),
        rows: Vec::new(),
        arrived: 0,
        whole_points: seed.is_multiple_of(3),
    };
    series.start();
    let mut day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let mut history = BoardHistory::default();
    let mut boards = Vec::new();
    let mut previous: Option<Board> = None;
    for _ in 0..1 + series.below(12) {
        let board = Board {
            entries: series.rows.clone(),
        };
        see(
            &mut history,
            time(&format!("{day}T00:00:00Z")),
            &board,
            previous.as_ref(),
        );
        boards.push(told(day, &ranked(&board, seed)));
        previous = Some(board);
        day += TimeDelta::days(i64::from(1 + series.below(20)));
        series.step();
    }
    let whole_points = series.whole_points && seed.is_multiple_of(2);
    let hours = [1, 5, 24, 60, 168, 720, 2_160, 17_520][usize::try_from(seed % 8).unwrap()];
    let params = if seed.is_multiple_of(5) {
        BoardWalkParams::evaluated()
    } else {
        BoardWalkParams::deployment()
    };
    let mut asked = Asked::about(previous.unwrap(), 1);
    asked.at = time(&format!("{day}T00:00:00Z"));
    asked.horizon = TimeDelta::hours(hours);
    asked.history = history;
    asked.params.board_walk = BoardWalkParams {
        prior: ArrivalPrior::none(),
        leader_regression_errors: if seed.is_multiple_of(7) { 0.4 } else { 0.0 },
        ..params
    };
    if whole_points {
        asked.rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
    }
    let params = &asked.params.board_walk;
    let told = json!({
        "boards": boards, "at": day.to_string(), "h_days": hours as f64 / 24.0,
        "tick": if whole_points { 1.0 } else { params.score_step },
        "params": {
            "b": params.regression_errors, "bl": params.leader_regression_errors,
            "Lam0": params.prior_rate, "delta": params.identity_hazard,
        },
    });
    Case {
        ranked: ranked(&asked.board, seed),
        asked,
        told,
    }
}

/// The reference's answers, a line each.
fn reference(python: &Path, directory: &Path, cases: &[Case]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fair/differential.py");
    let mut child = Command::new(python)
        .args(["-B", script])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = cases.iter().map(|case| format!("{}\n", case.told)).collect();
    let writer =
        std::thread::spawn(move || lines.iter().try_for_each(|line| input.write_all(line.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the reference failed");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Holds every number of a forecast against what another program says.
fn same(forecast: &Forecast<'_>, answer: &Value, compare: &mut impl FnMut(&str, f64, &Value)) {
    let (models, labs) = (
        answer["models"].as_object().unwrap(),
        answer["labs"].as_object().unwrap(),
    );
    for (name, expected) in models {
        let p = if name == "unlisted" {
            forecast.unlisted()
        } else {
            forecast.probability(&model(name))
        };
        compare(name, p, expected);
    }
    for (name, expected) in labs {
        let p = if name == "other" {
            forecast.other()
        } else {
            forecast.probability(&lab(name))
        };
        compare(name, p, expected);
    }
    assert_eq!(forecast.models().count() + 1, models.len());
    assert_eq!(forecast.organizations().count() + 1, labs.len());
}

#[test]
fn random_series_of_boards_are_priced_as_by_the_reference() {
    let (Some(file), Some(python)) = (shared("reference/board_walk_reference.py"), python()) else {
        return;
    };
    let cases: Vec<Case> = (1..=u64::from(CASES)).map(case).collect();
    let answers = reference(&python, file.parent().unwrap(), &cases);
    assert_eq!(answers.len(), cases.len());
    let (mut worst, mut arrivals): (f64, usize) = (0.0, 0);
    for (place, (case, answer)) in cases.iter().zip(&answers).enumerate() {
        arrivals += case.asked.history.arrivals().len();
        let mut compare = |what: &str, p: f64, expected: &Value| {
            let difference = (p - expected.as_f64().unwrap()).abs();
            assert!(
                difference < SAME,
                "case {place}, {what}: {p} instead of {expected}"
            );
            worst = worst.max(difference);
        };
        let rate = case.asked.with(|question| question.rates.per_day());
        compare("rate", rate, &answer["rate"]);
        let answered = case
            .asked
            .answer(BoardWalk, |forecast| same(forecast, answer, &mut compare));
        assert!(answered.is_some(), "case {place}");
        let board = RankedBoard::by_scores(&case.ranked.entries, case.asked.rules);
        case.asked.with(|question| {
            let table = PublishedRankTable::new(case.asked.params.board_walk.clone());
            let forecast = table
                .forecast(&Question {
                    board: &board,
                    ..*question
                })
                .unwrap();
            same(&forecast, &answer["table"], &mut compare);
        });
    }
    assert!(
        arrivals > 60,
        "only {arrivals} arrivals: the rates were not put to the test"
    );
    println!("{CASES} boards, largest difference {worst:e}");
}
