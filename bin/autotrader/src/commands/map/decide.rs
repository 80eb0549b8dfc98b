//! `map approve` and `map reject`: a person's decision, checked against what is there, and carried out.

use std::process::ExitCode;
use std::sync::Arc;

use autotrader_domain::{ApprovalDecision, Claim, Command, MappingState, Market, Reason, Ticker};
use autotrader_state::{History, NewDatabaseId, OpenError};
use autotrader_strategy::mapping::{
    MapLine, SeriesKind, configured_name, map_report, names, names_on_board, subject_of,
};
use serde_json::{Value, json};

use super::facts::Facts;
use super::worth::approval;
use crate::cli::{DecisionArgs, MapApproveArgs, MapRejectArgs};
use crate::clock::SystemClock;
use crate::commands::operate::{USUAL_WAIT, carry_out, command_json, print, unheard};
use crate::output::{escape, line};
use crate::{Failure, output, wiring};

/// A decision, and what was shown to whoever made it.
pub(super) struct Decided {
    pub(super) decision: ApprovalDecision,
    pub(super) shown: Value,
}

/// Has a decision carried out and prints what became of it.
///
/// # Errors
/// [`Failure`] when the database is not there or cannot be written, or nobody took the command up.
pub(super) async fn carry_decision(args: &DecisionArgs, decided: Decided) -> Result<ExitCode, Failure> {
    let command = Command::Approve {
        by: args.by.clone().unwrap_or_else(this_user),
        approval: decided.decision,
    };
    make_place(args)?;
    let wait = args.wait.wait.unwrap_or(USUAL_WAIT);
    let record = carry_out(&args.config, command, wait).await?;
    if args.config.json {
        let mut value = command_json(&record);
        if let (Some(object), Value::Object(shown)) = (value.as_object_mut(), decided.shown) {
            object.extend(shown);
        }
        output::json(&value)?;
    } else {
        print(&record, false)?;
    }
    if record.acknowledged_at.is_some() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(unheard(&record))
    }
}

/// Creates the database when there is none: what is decided before the first `run` must be kept as well.
fn make_place(args: &DecisionArgs) -> Result<(), Failure> {
    let config = wiring::load_config(&args.config.place)?.config;
    let failed = |error: OpenError| Failure::failed(format!("database: {error}."));
    match History::open(&config.database.url) {
        Err(OpenError::Missing { .. }) => {
            let clock = Arc::new(SystemClock::new());
            match wiring::try_open_store(&config, NewDatabaseId::Random, clock) {
                // Who holds it has just made it.
                Ok(_) | Err(OpenError::InUse { .. }) => Ok(()),
                Err(error) => Err(failed(error)),
            }
        }
        Ok(_) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Who types, as far as the system tells.
fn this_user() -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let Ok(own) = std::fs::metadata("/proc/self") {
            return format!("command line, user {}", own.uid());
        }
    }
    "command line".to_owned()
}

/// `map approve TICKER NAME`.
///
/// # Errors
/// As [`super::map`]; exit code 2 for a contract or name that is not there, exit code 1 when there is nothing to approve or the
/// configuration says otherwise.
pub(super) async fn approve(args: MapApproveArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(&args.decision.config).await?;
    let market = facts.market(&args.ticker)?;
    let subject = subject(market)?;
    let name = named(&facts, market, &args.name)?;
    let now = mapped(&facts, &args.ticker)?;
    refuse_conflicts(&facts, market, &subject, name, &now)?;
    let decision = approval(market, name).ok_or_else(|| nothing_named(market))?;
    let mut after = Facts {
        approvals: facts.approvals.clone(),
        ..facts
    };
    after.approvals.apply(&decision);
    let then = mapped(&after, &args.ticker)?;
    let same_version = names::similar(&subject, std::iter::once(name.as_str()), 0.0)
        .first()
        .is_none_or(|similar| similar.same_version);
    if !args.decision.config.json {
        after.tell_board();
        line(&format!("{} names `{}`.", args.ticker, escape(&subject)));
        line(&format!("Approving that it pays on {}.", escape(name)));
        if !same_version {
            line("Beware: the numbers in the two names differ, as those of two versions do.");
        }
    }
    carry_decision(
        &args.decision,
        Decided {
            decision,
            shown: json!({ "before": now, "after": then, "same_version": same_version, "board": after.board }),
        },
    )
    .await
}

/// `map reject TICKER [NAME]`.
///
/// # Errors
/// As [`super::map`]; exit code 2 for a contract or name that is not there, exit code 1 when there is nothing to reject.
pub(super) async fn reject(args: MapRejectArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(&args.decision.config).await?;
    let market = facts.market(&args.ticker)?;
    let subject = subject(market)?;
    let now = mapped(&facts, &args.ticker)?;
    let name = match &args.name {
        None => None,
        Some(name) if concerns(&facts, market, &subject, &now, name) => Some(name.clone()),
        Some(name) => Some(named(&facts, market, name)?.clone()),
    };
    let rejected = match &name {
        Some(name) => facts.approvals.is_rejected(&args.ticker, &subject, name),
        None => facts.approvals.is_rejected_wholly(&args.ticker, &subject),
    };
    if rejected {
        return Err(Failure::failed(format!(
            "{}: nothing to reject: that was rejected already.",
            args.ticker
        )));
    }
    let decision = ApprovalDecision::MappingRejected {
        ticker: args.ticker.clone(),
        subject,
        name: name.clone(),
    };
    let mut after = Facts {
        approvals: facts.approvals.clone(),
        ..facts
    };
    after.approvals.apply(&decision);
    let then = mapped(&after, &args.ticker)?;
    if !args.decision.config.json {
        after.tell_board();
        line(&match &name {
            Some(name) => format!("Rejecting that {} pays on {}.", args.ticker, escape(name)),
            None => format!(
                "Rejecting whatever {} might be mapped to: it is not traded.",
                args.ticker
            ),
        });
    }
    carry_decision(
        &args.decision,
        Decided {
            decision,
            shown: json!({ "before": now, "after": then, "board": after.board }),
        },
    )
    .await
}

/// Whether a name has to do with a contract already, whether or not the board lists it now.
fn concerns(facts: &Facts, market: &Market, subject: &str, now: &MapLine, name: &str) -> bool {
    name == subject
        || facts.approvals.name(&market.ticker, subject) == Some(name)
        || configured_name(market, subject, &facts.params.mapping) == Some(name)
        || now.suggestions.iter().any(|suggestion| suggestion == name)
        || now.claim.as_ref().map(Claim::name) == Some(name)
}

fn nothing_named(market: &Market) -> Failure {
    Failure::failed(format!(
        "{}: the exchange names nothing that can be read; it says \"{}\".",
        market.ticker, market.rules_primary
    ))
}

fn subject(market: &Market) -> Result<String, Failure> {
    subject_of(market).ok_or_else(|| nothing_named(market))
}

/// What the gate says of one contract.
fn mapped(facts: &Facts, ticker: &Ticker) -> Result<MapLine, Failure> {
    let market = facts.market(ticker)?;
    let only = std::collections::BTreeMap::from([(ticker.clone(), market.clone())]);
    map_report(&only, &facts.standing, &facts.approvals, &facts.params.mapping)
        .pop()
        .ok_or_else(|| Failure::failed(format!("{ticker}: could not be mapped.")))
}

/// The name, if the board lists it as what contracts of the series pay on.
fn named<'a>(facts: &Facts, market: &Market, name: &'a String) -> Result<&'a String, Failure> {
    let kind = SeriesKind::of(&market.series).ok_or_else(|| {
        Failure::failed(format!(
            "{}: contracts of {} are not traded.",
            market.ticker, market.series
        ))
    })?;
    let (wanted, other, other_kind) = match kind {
        SeriesKind::TopModel => ("model", "an organisation", SeriesKind::TopOrganization),
        SeriesKind::TopOrganization => ("organisation", "a model", SeriesKind::TopModel),
    };
    let known = names_on_board(kind, &facts.standing);
    if known.contains(name.as_str()) {
        return Ok(name);
    }
    if names_on_board(other_kind, &facts.standing).contains(name.as_str()) {
        return Err(Failure::usage(format!(
            "NAME: `{name}` is the name of {other}; {} pays on a {wanted}.",
            market.ticker
        )));
    }
    let alike = names::similar(name, known.into_iter(), 0.6);
    let hint = match alike.first() {
        Some(similar) => format!("did you mean `{}`?", similar.name),
        None => "`board` shows its names.".to_owned(),
    };
    Err(Failure::usage(format!(
        "NAME: the board lists no {wanted} called `{name}`; {hint}"
    )))
}

/// What stands in the way of an approval.
fn refuse_conflicts(
    facts: &Facts,
    market: &Market,
    subject: &str,
    name: &str,
    now: &MapLine,
) -> Result<(), Failure> {
    let ticker = &market.ticker;
    let known = SeriesKind::of(&market.series).map(|kind| names_on_board(kind, &facts.standing));
    if name != subject && known.is_some_and(|known| known.contains(subject)) {
        return Err(Failure::failed(format!(
            "{ticker} names `{subject}`, which the board lists: it pays on that and on nothing else; to stop trading it, `map \
             reject {ticker}`."
        )));
    }
    if let Some(configured) = configured_name(market, subject, &facts.params.mapping)
        && configured != name
        && name != subject
    {
        return Err(Failure::failed(format!(
            "{ticker}: the configuration says `{configured}` and comes first; change its override or alias there."
        )));
    }
    let pays_on_it = now.claim.as_ref().map(Claim::name) == Some(name);
    let settled = matches!(now.state, MappingState::Exact | MappingState::Approved)
        && pays_on_it
        && !now.reasons.contains(&Reason::TermsChanged);
    if settled {
        return Err(Failure::failed(format!(
            "{ticker}: nothing to approve: it pays on `{name}` already{}.",
            if now.reasons.is_empty() {
                String::new()
            } else {
                format!(", and is blocked by {}", super::codes(&now.reasons))
            }
        )));
    }
    Ok(())
}
