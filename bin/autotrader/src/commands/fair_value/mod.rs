//! `fair-value`: what each model and each organisation is worth at a check, by the estimator that trades.

mod arrivals;
mod case;
mod figures;
pub(crate) mod params;
mod print;
mod when;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use autotrader_arena_signals::{GateSettings, parse_ungated, read_file, verdict_name};
use autotrader_domain::ports::Clock as _;
use autotrader_domain::{BoardHistory, Drivers, ModelChance, OrganizationChance};
use autotrader_settlement::{Board, Rule, RuleSet};
use autotrader_strategy::EstimatorKind;
use autotrader_strategy::fair::{
    ArrivalRates, Estimator, Forecast, Question, RankedBoard, ends, estimators, forecast,
};
use autotrader_strategy::params::ArrivalPrior;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::FairValueArgs;
use crate::clock::SystemClock;
use crate::commands::input;
use crate::commands::resolve::rule_set;
use crate::{Failure, output};
use figures::Figures;
use when::{Span, When};

/// How many lines of another estimator are shown.
const BASELINE_LINES: usize = 3;

/// What the board file says, priced.
#[derive(Debug, Serialize)]
struct Answer {
    at: DateTime<Utc>,
    close: DateTime<Utc>,
    horizon_days: f64,
    estimator: &'static str,
    rule_set: String,
    /// Who wins today.
    winner: Winner,
    /// What the gate says of trading on this file.
    verdict: Verdict,
    #[serde(flatten)]
    figures: Figures,
    lambda_per_day: f64,
    drivers: Option<Drivers>,
    /// The same with fewer and with more arrivals, as far as their rate is uncertain.
    ends: Vec<End>,
    baselines: Vec<Baseline>,
    params_from: String,
    params: Value,
}

#[derive(Debug, Serialize)]
struct Winner {
    model_name: String,
    organization: Option<String>,
}

#[derive(Debug, Serialize)]
struct Verdict {
    verdict: &'static str,
    /// Codes; `board FILE` gives their details, which number the rows of the file.
    reasons: BTreeSet<&'static str>,
}

/// One end of the uncertainty about arrivals.
#[derive(Debug, Serialize)]
struct End {
    /// What the rate of arrivals is multiplied with.
    arrivals: f64,
    #[serde(flatten)]
    figures: Figures,
}

/// What another estimator says.
#[derive(Debug, Serialize)]
struct Baseline {
    estimator: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

/// Prices a board or a case.
///
/// # Errors
/// [`Failure`] with exit code 2 when the input cannot be read or priced.
pub(crate) fn fair_value(args: &FairValueArgs) -> Result<ExitCode, Failure> {
    match (&args.case, &args.file) {
        (Some(_), Some(_)) => Err(Failure::usage(
            "--case: a case brings its own candidates; leave the board file out.",
        )),
        (Some(path), None) => case::case(path, args),
        (None, Some(path)) => board(path, args),
        (None, None) => Err(Failure::usage(
            "FILE: name a leaderboard file with --close, or a case with --case.",
        )),
    }
}

fn board(path: &Path, args: &FairValueArgs) -> Result<ExitCode, Failure> {
    let now = SystemClock::new().now();
    let span = span(args, now)?;
    let rules = rules(args, &span)?;
    let estimator = params::estimator(&args.estimator)?;
    let mut chosen = params::choose(&args.params)?;
    chosen.params.estimator = estimator;
    let bytes = input::read(path)?;
    let parsed =
        parse_ungated(&bytes).map_err(|error| Failure::usage(format!("{}: {error}.", path.display())))?;
    let history = match &args.arrivals {
        Some(file) => {
            // What the file tells is all that is known: the configured prior would count the same arrivals again.
            chosen.params.board_walk.prior = ArrivalPrior::none();
            arrivals::read(file, &span)?
        }
        None => BoardHistory::default(),
    };
    let asked = Asked {
        board: &parsed.board,
        rules,
        span,
        history: &history,
    };
    let answer = answer(&asked, &chosen, verdict(&bytes, now)).ok_or_else(|| {
        Failure::usage(format!(
            "{}: {}.",
            path.display(),
            unpriced(&parsed.board, estimator)
        ))
    })?;
    if args.json {
        output::json(&answer)?;
    } else {
        print::board(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

/// Why nothing could be said of a board.
fn unpriced(board: &Board, estimator: EstimatorKind) -> &'static str {
    let entries = || board.entries.iter();
    if entries().all(|entry| entry.score.is_none()) {
        "no row has a score, so nothing can be priced"
    } else if estimator == EstimatorKind::RankTable && entries().all(|entry| entry.rank_ub.is_none()) {
        "no row has a rank_ub, which rank_table prices by; take another estimator"
    } else {
        "nobody wins on this board, so nothing can be priced"
    }
}

fn span(args: &FairValueArgs, now: DateTime<Utc>) -> Result<Span, Failure> {
    let Some(close) = &args.close else {
        return Err(Failure::usage(
            "--close: say when the check is, such as --close 2026-12-04.",
        ));
    };
    let close = When::read("--close", close)?;
    let at = match &args.at {
        Some(at) => When::read("--at", at)?,
        None => When::now(now),
    };
    Ok(Span::new(at, close))
}

fn rules(args: &FairValueArgs, span: &Span) -> Result<RuleSet, Failure> {
    let rules = rule_set(&args.rules)?;
    if rules.rule != Rule::Cascade && span.days() > 0.0 {
        return Err(Failure::usage(format!(
            "--rules: before the check only `cascade` can be priced; under {} a tie may pay nobody.",
            rules.rule
        )));
    }
    Ok(rules)
}

fn verdict(bytes: &[u8], now: DateTime<Utc>) -> Verdict {
    let gated = read_file(bytes, &GateSettings::default(), now);
    Verdict {
        verdict: verdict_name(gated.verdict),
        reasons: gated.reasons.iter().map(|reason| reason.code.as_str()).collect(),
    }
}

/// What is asked of the estimators.
struct Asked<'a> {
    board: &'a Board,
    rules: RuleSet,
    span: Span,
    history: &'a BoardHistory,
}

fn answer(asked: &Asked<'_>, chosen: &params::Chosen, verdict: Verdict) -> Option<Answer> {
    let ranked = RankedBoard::new(&asked.board.entries, asked.rules);
    let winner = ranked.winner()?;
    let at = asked.span.at;
    let rates = ArrivalRates::of(&ranked, asked.history, at, &chosen.params.board_walk);
    let question = Question {
        board: &ranked,
        history: asked.history,
        rates: &rates,
        at,
        horizon: asked.span.close.signed_duration_since(at),
        arrivals: 1.0,
    };
    let (selected, others) = estimators(&chosen.params);
    let spread = rates.uncertainty();
    let priced = ends(selected.as_ref(), &question, spread)?;
    let end = |arrivals: f64, forecast: &Forecast<'_>| End {
        arrivals,
        figures: figures(forecast),
    };
    let baseline = |estimator: &dyn Estimator| {
        Some(Baseline {
            estimator: estimator.name(),
            figures: figures(&forecast(estimator, &question)?).top(BASELINE_LINES),
        })
    };
    Some(Answer {
        at,
        close: asked.span.close,
        horizon_days: asked.span.days(),
        estimator: selected.name(),
        rule_set: asked.rules.to_string(),
        winner: Winner {
            model_name: winner.model_name.clone(),
            organization: winner.known_organization().map(str::to_owned),
        },
        verdict,
        figures: figures(&priced.central),
        lambda_per_day: rates.per_day(),
        drivers: priced.central.drivers(),
        ends: vec![
            end((1.0 - spread).max(0.0), &priced.fewer),
            end(1.0 + spread, &priced.more),
        ],
        baselines: others
            .iter()
            .filter_map(|other| baseline(other.as_ref()))
            .collect(),
        params_from: chosen.from.clone(),
        params: json!(chosen.params.board_walk),
    })
}

fn figures(forecast: &Forecast<'_>) -> Figures {
    let models = forecast.listed().map(|(name, organization, p)| ModelChance {
        model_name: name.to_owned(),
        organization: organization.map(str::to_owned),
        p,
    });
    let organizations = forecast.organizations().map(|(name, p)| OrganizationChance {
        organization: name.to_owned(),
        p,
    });
    Figures::new(
        models.collect(),
        forecast.unlisted(),
        organizations.collect(),
        forecast.other(),
    )
}
