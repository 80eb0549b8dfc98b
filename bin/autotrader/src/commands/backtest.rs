//! `backtest`: what the core would have earned on a series of boards, in a market of a named kind.

use std::process::ExitCode;

use autotrader_arena_signals::VintageKeeper;
use autotrader_backtest::market::{
    self, Archive, BacktestError, Heading, Oracle, Report, Request, SeedResult, Setting,
};
use autotrader_backtest::series::Series;
use autotrader_config::Config;
use autotrader_domain::ExecutionMode;
use autotrader_domain::ports::Strategy;
use autotrader_engine::{AccountScope, Engine};
use autotrader_risk::RiskEngine;
use autotrader_simulator::INVENTED_LLM1_TIE_RULE;
use autotrader_strategy::params::{ArrivalPrior, EstimatorKind, Params};
use autotrader_strategy::{ApprovedRules, LeaderboardAlpha};
use chrono::{Days, NaiveDate};
use indicatif::ProgressBar;

use crate::cli::{BacktestArgs, Trader};
use crate::commands::input;
use crate::{Failure, output, wiring};

/// Days of boards before the first run, where the series is twice as long.
const WARM_UP: u64 = 60;

/// Runs the core over a series and prints the figures.
///
/// # Errors
/// [`Failure`] with exit code 2 when the series or the days cannot be used, with exit code 1 when a run had to stop.
pub(crate) fn backtest(args: &BacktestArgs) -> Result<ExitCode, Failure> {
    let config = wiring::load_config(&args.place)?.config;
    let bytes = input::read_as(&args.series, "a series of boards")?;
    let unusable = |detail: String| Failure::usage(format!("{}: {detail}.", args.series.display()));
    let series = Series::read(&bytes).map_err(|error| unusable(error.to_string()))?;
    let archive = Archive::of(&series);
    let left_out = archive.left_out.clone();
    let (from, to) = span(args, &archive).map_err(unusable)?;
    let params = params(&config, args.strategy)?;
    let request = Request {
        archive,
        regime: args.regime,
        first_seed: args.first_seed,
        seeds: args.seeds,
        from,
        to,
        days: args.days,
        cash: config.kalshi.paper_balance.0,
        params: params.board_walk.clone(),
    };
    let seeds = run(&request, &config, &params, args).map_err(|error| match error {
        BacktestError::NoBoards | BacktestError::NoCheck { .. } => unusable(error.to_string()),
        other => Failure::failed(format!("{other}.")),
    })?;
    let heading = Heading {
        regime: args.regime,
        strategy: args.strategy.name().to_owned(),
        from,
        to,
        left_out,
    };
    let report = market::report(heading, seeds);
    if let Some(path) = &args.html {
        let page = report
            .page()
            .map_err(|error| Failure::failed(format!("{}: {error}.", path.display())))?;
        output::file(path, &page)?;
    }
    if args.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// The days within which runs lie.
fn span(args: &BacktestArgs, archive: &Archive) -> Result<(NaiveDate, NaiveDate), String> {
    let (first, last) = archive
        .span()
        .ok_or_else(|| BacktestError::NoBoards.to_string())?;
    let (first, last) = (first.date_naive(), last.date_naive());
    let warmed = first
        .checked_add_days(Days::new(WARM_UP))
        .filter(|_| (last - first).num_days() >= 2 * i64::try_from(WARM_UP).unwrap_or_default());
    let from = args.from.or(warmed).unwrap_or(first);
    let to = args.to.unwrap_or(last);
    if from < first || from > last {
        return Err(format!(
            "the runs begin on {from}, but the boards go from {first} to {last}: begin within them"
        ));
    }
    if to < from {
        return Err(format!("the runs end on {to}, before they begin on {from}"));
    }
    Ok((from, to))
}

/// The strategy's parameters as configured, with what a backtest changes: the estimator that was asked for, nothing learnt of
/// arrivals from outside the series, and the stand-in's rules of labs approved.
fn params(config: &Config, trader: Trader) -> Result<Params, Failure> {
    let mut params = wiring::strategy_params(config)?;
    params.estimator = match trader {
        Trader::BoardWalk | Trader::Oracle => EstimatorKind::BoardWalk,
        Trader::Persistence => EstimatorKind::Persistence,
        Trader::RankTable => EstimatorKind::RankTable,
    };
    params.board_walk.prior = ArrivalPrior::none();
    let series = "KXLLM1"
        .parse()
        .map_err(|error| Failure::failed(format!("KXLLM1: {error}.")))?;
    let rules = ApprovedRules::new(series, INVENTED_LLM1_TIE_RULE, "cascade")
        .map_err(|error| Failure::failed(format!("{error}.")))?;
    params.mapping.approved_rules.push(rules);
    Ok(params)
}

fn run(
    request: &Request,
    config: &Config,
    params: &Params,
    args: &BacktestArgs,
) -> Result<Vec<SeedResult>, BacktestError> {
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::new(request.seeds);
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    );
    let core = |setting: &Setting| core(config, params, args.strategy, setting);
    let seeds = market::run_all(request, &core, threads, &|done| bar.set_position(done))?;
    bar.finish_and_clear();
    Ok(seeds)
}

/// The core as it trades, on an account of its own.
fn core(config: &Config, params: &Params, trader: Trader, setting: &Setting) -> Result<Engine, String> {
    let alpha = LeaderboardAlpha::new(params.clone()).map_err(|error| error.to_string())?;
    let strategy: Box<dyn Strategy> = if trader == Trader::Oracle {
        Box::new(Oracle::new(Box::new(alpha), setting.winners()))
    } else {
        Box::new(alpha)
    };
    let scope = AccountScope {
        environment: config.kalshi.environment,
        mode: ExecutionMode::Paper,
        account: "backtest".to_owned(),
        database_id: setting.seed.to_string(),
    };
    Ok(Engine::new(
        wiring::engine_settings(scope),
        Box::new(VintageKeeper::new(wiring::vintage_settings(config))),
        strategy,
        RiskEngine::new(wiring::limits(config, setting.cash)),
        setting.cash,
    ))
}

fn print(report: &Report) {
    let pnl = &report.pnl;
    output::line(&format!(
        "{} in a market of the kind `{}`: {} runs between {} and {}.",
        report.strategy,
        report.regime,
        report.seeds.len(),
        report.from,
        report.to
    ));
    output::line(&if report.seeds.len() < 2 {
        format!(
            "Profit {:+.2} dollars; one run says nothing of the spread.",
            pnl.mean
        )
    } else {
        format!(
            "Mean profit of a run {:+.2} dollars, 95 % {:+.2} to {:+.2}, fees taken off.",
            pnl.mean, pnl.low, pnl.high
        )
    });
    output::line(&format!(
        "Means of a run: {:.1} fills ({} at least), fees {:.2} dollars, greatest fall {:.2} dollars.",
        report.trades, report.fewest_trades, report.fees, report.max_drawdown
    ));
    for (reason, count) in &report.left_out {
        output::line(&format!("{count} boards are not shown: {reason}."));
    }
    output::line("");
    let rows: Vec<Vec<String>> = report.seeds.iter().map(row).collect();
    output::table(
        &[
            "seed",
            "from",
            "to",
            "profit",
            "fees",
            "fills",
            "contracts",
            "fall",
            "restricted",
        ],
        &rows,
    );
    output::line("");
    output::line("What this rests on:");
    for assumption in &report.assumptions {
        output::line(&format!("- {assumption}"));
    }
}

fn row(seed: &SeedResult) -> Vec<String> {
    vec![
        seed.seed.to_string(),
        seed.from.to_string(),
        seed.to.to_string(),
        format!("{:+.2}", seed.pnl.to_f64()),
        format!("{:.2}", seed.fees.to_f64()),
        seed.trades.to_string(),
        seed.contracts.to_string(),
        format!("{:.2}", seed.max_drawdown.to_f64()),
        seed.restricted.join(" "),
    ]
}
