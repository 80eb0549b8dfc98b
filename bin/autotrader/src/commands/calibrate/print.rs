//! The figures of a run as tables for people.

use autotrader_backtest::calibration::{Bin, Interval, Report};

use super::Answer;
use crate::output;

const LEVELS: [(&str, &str); 2] = [("model", "models"), ("org", "organisations")];

const MEASURES: [(&str, &str); 2] = [("log_loss", "Log loss"), ("brier", "Brier score")];

/// Prints what the run says, the judged estimator first.
pub(super) fn report(answer: &Answer) {
    let report = &answer.report;
    output::line(&output::escape(&format!(
        "{}: forecasts of every day from {} to {}, parameters {}, grid of {} points.",
        answer.series, report.from, report.to, answer.params_from, answer.tick
    )));
    output::line(&format!(
        "Between them the leading model changed {} times, the leading organisation {} times; there are {} independent blocks of \
         {} days at most.",
        report.leader_changes_model, report.leader_changes_org, report.blocks, report.block_days
    ));
    if report.horizons.is_empty() {
        output::line("No horizon has enough days to forecast from; give a longer span.");
        return;
    }
    output::line(
        "Less is better; a difference below zero favours board_walk, and counts when its interval in brackets (95 %) stays \
         below zero.",
    );
    for (level, levels) in LEVELS {
        for (measure, title) in MEASURES {
            output::line("");
            output::line(&format!("{title}, {levels}"));
            scores(report, level, measure);
        }
    }
    output::line("");
    output::line("Distance between what was said and what came (ECE), over all horizons");
    errors(report);
    for (level, levels) in LEVELS {
        if let Some(first) = report.estimators.first() {
            output::line("");
            output::line(&format!(
                "What {first} said of {levels} and what came, over all horizons"
            ));
            bins(report, &format!("{first}_{level}"));
        }
    }
}

fn within(interval: &Interval) -> String {
    format!(
        "{:+.3} [{:+.3}, {:+.3}]",
        interval.mean, interval.low, interval.high
    )
}

fn scores(report: &Report, level: &str, measure: &str) {
    let names = || report.estimators.iter();
    let against: Vec<String> = names().skip(1).map(|name| format!("- {name}")).collect();
    let mut headings = vec!["days", "n", "stays"];
    headings.extend(names().map(String::as_str));
    headings.extend(against.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = report
        .horizons
        .iter()
        .map(|(days, horizon)| {
            let stays = if level == "model" {
                horizon.stay_model
            } else {
                horizon.stay_org
            };
            let mut row = vec![days.to_string(), horizon.n.to_string(), format!("{stays:.3}")];
            row.extend(names().map(|name| {
                let figure = horizon.figures.get(&format!("{name}_{level}_{measure}"));
                output::or_dash(figure.map(|figure| format!("{figure:.3}")))
            }));
            row.extend(names().skip(1).map(|name| {
                let differences = report.differences.get(days);
                let difference = differences.and_then(|of| of.get(&format!("{name}_{level}")));
                output::or_dash(difference.map(|difference| {
                    within(if measure == "brier" {
                        &difference.brier
                    } else {
                        &difference.log_loss
                    })
                }))
            }));
            row
        })
        .collect();
    output::table(&headings, &rows);
}

fn errors(report: &Report) {
    let error = |name: &str, level: &str| {
        let reliability = report.reliability.get(&format!("{name}_{level}"));
        output::or_dash(reliability.map(|reliability| {
            let Interval { mean, low, high } = reliability.ece_interval;
            format!("{mean:.3} [{low:.3}, {high:.3}]")
        }))
    };
    let rows: Vec<Vec<String>> = report
        .estimators
        .iter()
        .map(|name| vec![name.clone(), error(name, "model"), error(name, "org")])
        .collect();
    output::table(&["estimator", "models", "organisations"], &rows);
}

fn bins(report: &Report, key: &str) {
    let cells = |bin: &Bin| {
        vec![
            format!("{:.3} to {:.3}", bin.from, bin.to),
            bin.n.to_string(),
            format!("{:.3}", bin.said),
            format!("{:.3}", bin.came),
            format!("[{:.3}, {:.3}]", bin.low, bin.high),
            format!("[{:.3}, {:.3}]", bin.block_low, bin.block_high),
        ]
    };
    let rows: Vec<Vec<String>> = report
        .reliability
        .get(key)
        .map(|reliability| reliability.bins.iter().map(cells).collect())
        .unwrap_or_default();
    output::table(
        &["probability", "n", "said", "came", "Wilson 95 %", "blocks 95 %"],
        &rows,
    );
}
