//! `map rules`: the tie-break texts, what they are bound to, and who wins today under each rule set.

use std::process::ExitCode;

use autotrader_domain::{ApprovalDecision, SeriesTicker};
use autotrader_settlement::{OutcomeKind, Rule, RuleSet, ScorePrecision, explain};
use autotrader_strategy::ApprovedRules;
use autotrader_strategy::mapping::{RuleText, rule_texts};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::decide::{Decided, carry_decision};
use super::facts::Facts;
use crate::cli::{ConfigArgs, MapRulesApproveArgs, MapRulesRevokeArgs};
use crate::output::{escape, line};
use crate::{Failure, output};

/// How many hexadecimal digits of a hash are shown.
const SHORT: usize = 12;

/// Who wins the board that stands, under one rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct TodaysWinner {
    pub(super) rule_set: RuleSet,
    /// The rule set as it is given to `map rules approve`.
    pub(super) name: String,
    pub(super) outcome: OutcomeKind,
    pub(super) model_name: Option<String>,
    pub(super) organization: Option<String>,
    /// Whether contracts under it are traded: only where the rules break every tie.
    pub(super) traded: bool,
}

impl TodaysWinner {
    /// The same for people.
    pub(super) fn in_words(&self) -> String {
        let winner = match (&self.model_name, &self.organization) {
            (Some(model), Some(organization)) => format!("{model} ({organization}) wins today"),
            (Some(model), None) => format!("{model} wins today"),
            (None, _) => match self.outcome {
                OutcomeKind::TiedBetweenOrganizations => "a tie that pays nobody today".to_owned(),
                OutcomeKind::NoEntries | OutcomeKind::Unranked => {
                    "the board does not say who wins today".to_owned()
                }
                OutcomeKind::Sole
                | OutcomeKind::TiedInsideOrganization
                | OutcomeKind::TiedOrganizationUnknown => "it is not known who wins today".to_owned(),
            },
        };
        let traded = if self.traded {
            ""
        } else {
            "; not traded, because ties are not priced"
        };
        format!("{}: {winner}{traded}", self.name)
    }
}

/// Who wins today under every rule and score precision.
pub(super) fn readings(facts: &Facts) -> Vec<TodaysWinner> {
    let sets = Rule::ALL.iter().flat_map(|rule| {
        let precisions = ScorePrecision::ALL.iter();
        precisions.map(|precision| RuleSet::new(*rule, *precision))
    });
    sets.map(|rule_set| {
        let explanation = explain(facts.rows(), &rule_set);
        let (model_name, organization) = explanation.winner.map_or((None, None), |winner| {
            (Some(winner.model_name), winner.organization)
        });
        TodaysWinner {
            rule_set,
            name: rule_set.to_string(),
            outcome: explanation.outcome,
            model_name,
            organization,
            traded: rule_set.rule == Rule::Cascade,
        }
    })
    .collect()
}

/// The hash of a text, by which it is named on the command line.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of a text's hash.
pub(super) fn short_hash(text: &str) -> String {
    hash(text).chars().take(SHORT).collect()
}

/// A text for scripts.
pub(super) fn text_json(text: &RuleText) -> Value {
    json!({
        "series": text.series,
        "text": text.text,
        "hash": hash(&text.text),
        "contracts": text.contracts,
        "shown": !text.contracts.is_empty(),
        "approved": text.rule_set.is_some(),
        "rule_set": text.rule_set.map(|rule_set| rule_set.to_string()),
        "bound_by": text.bound_by,
        "revoked": text.revoked,
    })
}

fn texts(facts: &Facts) -> Vec<RuleText> {
    rule_texts(&facts.markets, &facts.approvals, &facts.params.mapping)
}

/// Prints every text.
///
/// # Errors
/// As [`super::map`].
pub(super) async fn show(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(args).await?;
    let (texts, readings) = (texts(&facts), readings(&facts));
    if args.json {
        let texts: Vec<Value> = texts.iter().map(text_json).collect();
        output::json(&json!({ "rules": texts, "readings": readings, "board": facts.board }))?;
        return Ok(ExitCode::SUCCESS);
    }
    facts.tell_board();
    for text in &texts {
        let bound = match (text.rule_set, text.revoked) {
            (Some(rule_set), _) => format!("approved as {rule_set}"),
            (None, true) => "revoked".to_owned(),
            (None, false) => "not approved".to_owned(),
        };
        line(&format!(
            "{} {}: {bound}, on {} contracts.",
            text.series,
            short_hash(&text.text),
            text.contracts.len()
        ));
        line(&format!("  \"{}\"", escape(&text.text)));
    }
    tell_readings(&readings);
    Ok(ExitCode::SUCCESS)
}

fn tell_readings(readings: &[TodaysWinner]) {
    line("Who wins today:");
    for reading in readings {
        line(&format!("  {}", escape(&reading.in_words())));
    }
}

/// The texts of one series, or why there are none.
fn of_series(facts: &Facts, series: &SeriesTicker) -> Result<Vec<RuleText>, Failure> {
    if !facts.series.contains(series) {
        let traded: Vec<&str> = facts.series.iter().map(SeriesTicker::as_str).collect();
        return Err(Failure::usage(format!(
            "{series}: this series is not traded; the series are {}.",
            traded.join(" and ")
        )));
    }
    let all = texts(facts).into_iter();
    Ok(all.filter(|text| text.series == *series).collect())
}

/// The one text that a prefix of its hash names.
fn chosen<'a>(texts: &'a [RuleText], series: &SeriesTicker, prefix: &str) -> Result<&'a RuleText, Failure> {
    let mut fitting = texts.iter().filter(|text| hash(&text.text).starts_with(prefix));
    match (fitting.next(), fitting.next()) {
        (Some(text), None) => Ok(text),
        (None, _) => Err(Failure::usage(format!(
            "--text {prefix}: no text of {series} has such a hash; `map rules` shows them."
        ))),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "--text {prefix}: several texts of {series} have such a hash; give more of it."
        ))),
    }
}

/// The text to approve: the one named, or else the only one shown that nobody approved.
fn to_approve<'a>(
    texts: &'a [RuleText],
    series: &SeriesTicker,
    prefix: Option<&str>,
) -> Result<&'a RuleText, Failure> {
    let shown = || texts.iter().filter(|text| !text.contracts.is_empty());
    let text = if let Some(prefix) = prefix {
        let text = chosen(texts, series, prefix)?;
        if text.contracts.is_empty() {
            return Err(Failure::failed(format!(
                "--text {prefix}: no contract of {series} shows this text now; only what is shown can be approved."
            )));
        }
        text
    } else {
        let open: Vec<&RuleText> = shown().filter(|text| text.rule_set.is_none()).collect();
        match open.as_slice() {
            [only] => *only,
            [] => match shown().next() {
                Some(text) => text,
                None => {
                    return Err(Failure::failed(format!(
                        "{series}: nothing to approve: the exchange lists no contract of this series now."
                    )));
                }
            },
            several => {
                let hashes: Vec<String> = several.iter().map(|text| short_hash(&text.text)).collect();
                return Err(Failure::usage(format!(
                    "{series}: several texts are not approved ({}); say which with --text.",
                    hashes.join(", ")
                )));
            }
        }
    };
    match text.rule_set {
        None => Ok(text),
        Some(rule_set) => Err(Failure::failed(format!(
            "{series}: nothing to approve: text {} means {rule_set} already; to change that, `map rules revoke {series} --text {}` \
             first.",
            short_hash(&text.text),
            short_hash(&text.text)
        ))),
    }
}

/// `map rules approve SERIES RULESET`.
///
/// # Errors
/// As [`super::map`]; exit code 2 for an unknown series, rule set or text, exit code 1 when there is nothing to approve.
pub(super) async fn approve(args: MapRulesApproveArgs) -> Result<ExitCode, Failure> {
    let MapRulesApproveArgs {
        decision,
        series,
        rule_set,
        text,
    } = args;
    let bound = ApprovedRules::new(series.clone(), "", &rule_set)
        .map_err(|error| Failure::usage(format!("RULESET: {error}.")))?;
    let facts = Facts::gather(&decision.config).await?;
    let texts = of_series(&facts, &series)?;
    let text = to_approve(&texts, &series, text.as_deref())?;
    let readings = readings(&facts);
    if !decision.config.json {
        facts.tell_board();
        line(&format!(
            "{series} {}: \"{}\"",
            short_hash(&text.text),
            escape(&text.text)
        ));
        tell_readings(&readings);
        line(&format!(
            "Approving it as {} for {} contracts.",
            bound.rule_set,
            text.contracts.len()
        ));
    }
    carry_decision(
        &decision,
        Decided {
            decision: ApprovalDecision::Rules {
                series,
                text: text.text.clone(),
                rule_set: bound.rule_set.to_string(),
            },
            shown: json!({ "text": text_json(text), "readings": readings }),
        },
    )
    .await
}

/// `map rules revoke SERIES --text HASHPREFIX`.
///
/// # Errors
/// As [`super::map`]; exit code 2 for an unknown series or text, exit code 1 when it is not approved.
pub(super) async fn revoke(args: MapRulesRevokeArgs) -> Result<ExitCode, Failure> {
    let MapRulesRevokeArgs {
        decision,
        series,
        text,
    } = args;
    let facts = Facts::gather(&decision.config).await?;
    let texts = of_series(&facts, &series)?;
    let text = chosen(&texts, &series, &text)?;
    if text.rule_set.is_none() {
        return Err(Failure::failed(format!(
            "{series}: nothing to revoke: text {} is not approved.",
            short_hash(&text.text)
        )));
    }
    if !decision.config.json {
        line(&format!(
            "Revoking {series} {}, which {} contracts show: they are frozen.",
            short_hash(&text.text),
            text.contracts.len()
        ));
    }
    carry_decision(
        &decision,
        Decided {
            decision: ApprovalDecision::RulesRevoked {
                series,
                text: text.text.clone(),
            },
            shown: json!({ "text": text_json(text) }),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str, contracts: usize, rule_set: Option<RuleSet>) -> RuleText {
        RuleText {
            series: series(),
            text: words.to_owned(),
            contracts: (0..contracts)
                .map(|index| format!("KXLLM1-26DEC04-{index}").parse().unwrap())
                .collect(),
            rule_set,
            bound_by: None,
            revoked: false,
        }
    }

    fn series() -> SeriesTicker {
        "KXLLM1".parse().unwrap()
    }

    fn refusal(texts: &[RuleText], prefix: Option<&str>) -> (u8, String) {
        let failure = to_approve(texts, &series(), prefix).unwrap_err();
        (failure.code, failure.message)
    }

    #[test]
    fn the_only_unapproved_text_needs_no_name() {
        let texts = [
            text("a", 3, Some(RuleSet::default())),
            text("b", 2, None),
            text("c", 0, None),
        ];
        assert_eq!(to_approve(&texts, &series(), None).unwrap().text, "b");
        assert_eq!(
            to_approve(&texts, &series(), Some(&short_hash("b")))
                .unwrap()
                .text,
            "b"
        );
    }

    #[test]
    fn several_unapproved_texts_are_told_apart_by_their_hashes() {
        let texts = [text("a", 1, None), text("b", 1, None)];
        let (code, message) = refusal(&texts, None);
        assert_eq!(code, 2);
        assert!(
            message.contains(&short_hash("a")) && message.contains(&short_hash("b")),
            "{message}"
        );
        assert_eq!(to_approve(&texts, &series(), Some(&hash("a"))).unwrap().text, "a");
        assert_eq!(refusal(&texts, Some("")).0, 2, "both begin so");
        assert_eq!(refusal(&texts, Some("0000000000000000")).0, 2);
    }

    #[test]
    fn what_is_approved_or_not_shown_is_not_approved_again() {
        assert_eq!(refusal(&[text("a", 1, Some(RuleSet::default()))], None).0, 1);
        assert_eq!(refusal(&[text("a", 0, None)], None).0, 1);
        assert_eq!(refusal(&[text("a", 0, None)], Some(&hash("a"))).0, 1);
        assert_eq!(refusal(&[], None).0, 1);
    }
}
