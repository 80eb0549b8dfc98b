//! The report for people.

use autotrader_domain::{Claim, Money};

use super::report::{Check, OpenOrder, Position, Report, State, Unexplained};
use crate::output;

pub(super) fn report(report: &Report) {
    if report.checks.is_empty() && report.unknown.is_empty() {
        output::line("Nothing is held and no order is open: every state of the world pays the same.");
    }
    for check in &report.checks {
        self::check(check);
    }
    if !report.unknown.is_empty() {
        output::line("Of these positions not even the check is known; see `map`:");
        unexplained(&report.unknown);
    }
}

fn check(check: &Check) {
    output::line(&format!(
        "Check {} ({} in New York). Profit against cost, open orders at their worst, fees apart:",
        check.check_time, check.check_time_new_york
    ));
    let rows: Vec<Vec<String>> = check.states.iter().map(state).collect();
    output::table(
        &[
            "state",
            "model",
            "organisation",
            "profit",
            "at best",
            "without orders",
            "fair",
            "",
        ],
        &rows,
    );
    output::line(&format!(
        "The worst state: {}, {} dollars.",
        output::escape(&in_words(&check.worst)),
        check.worst.pnl
    ));
    if !check.positions.is_empty() {
        output::line("Held:");
        let rows: Vec<Vec<String>> = check.positions.iter().map(position).collect();
        output::table(&["ticker", "net", "cost", "pays on", ""], &rows);
    }
    if !check.orders.is_empty() {
        output::line("What each open order changes if it fills whole; the cap counts losses only:");
        let rows: Vec<Vec<String>> = check.orders.iter().map(order).collect();
        output::table(
            &[
                "order",
                "ticker",
                "side",
                "open",
                "limit",
                "state",
                "if paid",
                "if not",
                "in the worst state",
            ],
            &rows,
        );
    }
    for note in check.states.iter().filter(|state| state.state != "tie") {
        if let Some(text) = &note.note {
            output::line(&output::escape(&format!(
                "{} {}: {text}",
                note.state,
                note.model_name.as_deref().unwrap_or("-")
            )));
        }
    }
    if check.rollback.is_none() {
        output::line("rollback: no other board is known.");
    }
    output::line(&format!("tie: {}", output::escape(&check.tie.explanation)));
    if !check.unexplained.is_empty() {
        output::line(
            "These positions lose their whole cost in every state, because what they pay on is not known; see `map`:",
        );
        unexplained(&check.unexplained);
    }
    output::line("");
}

fn unexplained(positions: &[Unexplained]) {
    let rows: Vec<Vec<String>> = positions
        .iter()
        .map(|position| vec![position.ticker.to_string(), position.cost.to_string()])
        .collect();
    output::table(&["ticker", "cost"], &rows);
}

fn state(state: &State) -> Vec<String> {
    let mut marks = Vec::new();
    if state.worst {
        marks.push("<- worst");
    }
    if state.leads_now {
        marks.push("leads now");
    }
    vec![
        state.state.to_owned(),
        output::or_dash(state.model_name.as_deref()),
        output::or_dash(state.organization.as_deref()),
        state.pnl.to_string(),
        if state.pnl_best == state.pnl {
            String::new()
        } else {
            state.pnl_best.to_string()
        },
        without_orders(state.pnl_held, state.pnl),
        state
            .probability
            .map_or_else(String::new, |fair| format!("{fair:.3}")),
        marks.join(", "),
    ]
}

fn without_orders(held: Money, pnl: Money) -> String {
    if held == pnl {
        String::new()
    } else {
        held.to_string()
    }
}

fn in_words(state: &State) -> String {
    let model = state.model_name.as_deref();
    let lab = state.organization.as_deref();
    match (state.state, model, lab) {
        ("tie", Some(model), _) => format!("organisations tie, where {model} would be named"),
        ("tie", None, lab) => format!(
            "organisations tie, where an unlisted model of {} would be named",
            lab.unwrap_or("another one")
        ),
        (_, Some(model), _) => format!("{model} wins"),
        (_, None, Some(lab)) => format!("an unlisted model of {lab} wins"),
        (_, None, None) => "a model that no contract names wins".to_owned(),
    }
}

fn position(position: &Position) -> Vec<String> {
    let claims: Vec<String> = position.pays_on.iter().map(claim).collect();
    vec![
        position.ticker.to_string(),
        position.net.to_string(),
        position.cost.to_string(),
        claims.join(" or "),
        if position.frozen {
            "frozen".to_owned()
        } else {
            String::new()
        },
    ]
}

fn claim(claim: &Claim) -> String {
    match claim {
        Claim::Model { model_name, .. } => model_name.clone(),
        Claim::Organization { organization } => format!("any model of {organization}"),
    }
}

fn order(order: &OpenOrder) -> Vec<String> {
    vec![
        order.client_order_id.to_string(),
        order.ticker.to_string(),
        format!("{:?}", order.side),
        order.open_contracts.to_string(),
        order.limit.to_string(),
        order.state.to_owned(),
        order.change_if_paid.to_string(),
        order.change_if_unpaid.to_string(),
        order.change_in_worst.to_string(),
    ]
}
