//! The answer for people.

use autotrader_domain::Drivers;
use chrono_tz::America::New_York;

use super::figures::Figures;
use super::{Answer, End};
use crate::output::{self, or_dash};

/// Models with less than this are not worth a line.
const SHOWN: f64 = 0.0005;

/// Prints a priced board.
pub(super) fn board(answer: &Answer) {
    output::line(&output::escape(&format!(
        "{} of {} wins today; the check is at {} in New York, {}.",
        answer.winner.model_name,
        or_dash(answer.winner.organization.as_deref()),
        answer.close.with_timezone(&New_York).format("%Y-%m-%d %H:%M"),
        if answer.horizon_days > 0.0 {
            format!("in {:.2} days", answer.horizon_days)
        } else {
            "which is past, so that is the result".to_owned()
        }
    )));
    output::line(&output::escape(&format!(
        "Priced by {} with parameters from {}, rules {}. The gate says {}{}.",
        answer.estimator,
        answer.params_from,
        answer.rule_set,
        answer.verdict.verdict,
        reasons(answer)
    )));
    figures(&answer.figures, &answer.ends);
    if let Some(given) = &answer.drivers {
        drivers(given, answer.figures.unlisted);
    }
    baselines(answer);
}

fn reasons(answer: &Answer) -> String {
    let codes: Vec<&str> = answer.verdict.reasons.iter().copied().collect();
    if codes.is_empty() {
        String::new()
    } else {
        format!(" ({})", codes.join(", "))
    }
}

/// The table of probabilities, with the ends of the uncertainty about arrivals beside them.
pub(super) fn figures(figures: &Figures, ends: &[End]) {
    let mut headings = vec!["kind", "name", "organisation", "probability"];
    headings.extend(ends.iter().map(|end| {
        if end.arrivals < 1.0 {
            "fewer arrivals"
        } else {
            "more arrivals"
        }
    }));
    let row = |kind: &str, name: &str, lab: Option<&str>, p: f64, at: &dyn Fn(&Figures) -> f64| {
        let mut cells = vec![
            kind.to_owned(),
            name.to_owned(),
            lab.unwrap_or("").to_owned(),
            percent(p),
        ];
        cells.extend(ends.iter().map(|end| percent(at(&end.figures))));
        cells
    };
    let mut rows = Vec::new();
    for model in figures.models.iter().filter(|model| model.p >= SHOWN) {
        let lab = Some(model.organization.as_deref().unwrap_or("-"));
        rows.push(row("model", &model.model_name, lab, model.p, &|end| {
            end.model(&model.model_name)
        }));
    }
    rows.push(row("model", "unlisted", None, figures.unlisted, &|end| {
        end.unlisted
    }));
    for lab in figures.organizations.iter().filter(|lab| lab.p >= SHOWN) {
        let name = &lab.organization;
        rows.push(row("organisation", name, None, lab.p, &|end| {
            end.organization(name)
        }));
    }
    output::table(&headings, &rows);
}

fn percent(p: f64) -> String {
    format!("{:.1} %", 100.0 * p)
}

/// What the probabilities come from.
pub(super) fn drivers(drivers: &Drivers, unlisted: f64) {
    let rival = match (&drivers.runner_up, drivers.gap) {
        (Some(name), Some(gap)) => format!("{gap:.2} points ahead of {name}"),
        (Some(name), None) => format!("ahead of {name}"),
        (None, _) => "alone".to_owned(),
    };
    output::line(&output::escape(&format!(
        "Because: {} is {rival}, with {} votes; {:.2} refreshes are expected, none with {}; {:.2} arrivals at the top are \
         expected ({:.4} a day, uncertain by {:.0} %); a model not listed today wins with {}.",
        drivers.leader,
        or_dash(drivers.leader_votes),
        drivers.refreshes_expected,
        percent(drivers.no_refresh),
        drivers.arrivals_expected,
        drivers.lambda_per_day,
        100.0 * drivers.uncertainty,
        percent(unlisted),
    )));
}

fn baselines(answer: &Answer) {
    for baseline in &answer.baselines {
        let models = baseline.figures.models.iter();
        let models: Vec<String> = models
            .map(|model| format!("{} {}", model.model_name, percent(model.p)))
            .collect();
        output::line(&output::escape(&format!(
            "{} says: {}, unlisted {}.",
            baseline.estimator,
            models.join(", "),
            percent(baseline.figures.unlisted)
        )));
    }
}
