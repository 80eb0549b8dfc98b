//! `map review`: what waits for a person, with the command to type.

use std::process::ExitCode;

use autotrader_domain::{Claim, ContractTerms, Reason};
use autotrader_strategy::mapping::{ReviewItem, RuleText, review as waiting, rule_texts};
use serde_json::{Value, json};

use super::codes;
use super::facts::Facts;
use super::rules::{readings, short_hash, text_json};
use super::worth::{Prospect, prospects};
use crate::cli::ConfigArgs;
use crate::output::{escape, line, or_dash};
use crate::{Failure, output};

/// Prints what waits: contracts, and tie-break texts that are shown and not approved.
///
/// # Errors
/// As [`super::map`].
pub(super) async fn review(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(args).await?;
    let items = waiting(
        &facts.markets,
        &facts.standing,
        &facts.approvals,
        &facts.params.mapping,
    );
    let prospects = prospects(&facts, &items)?;
    let texts: Vec<RuleText> = rule_texts(&facts.markets, &facts.approvals, &facts.params.mapping)
        .into_iter()
        .filter(|text| !text.contracts.is_empty() && text.rule_set.is_none() && !text.revoked)
        .collect();
    let of = |item: &ReviewItem| prospects.get(&item.line.ticker).map_or(&[][..], Vec::as_slice);
    if args.json {
        let contracts: Vec<Value> = items.iter().map(|item| item_json(item, of(item))).collect();
        let texts: Vec<Value> = texts.iter().map(|text| waiting_text_json(&facts, text)).collect();
        return output::json(&json!({ "review": contracts, "rules": texts, "board": facts.board }))
            .map(|()| ExitCode::SUCCESS);
    }
    facts.tell_board();
    if items.is_empty() && texts.is_empty() {
        line("Nothing waits for a person.");
    }
    for item in &items {
        tell(item, of(item));
    }
    for text in &texts {
        tell_text(&facts, text);
    }
    Ok(ExitCode::SUCCESS)
}

fn item_json(item: &ReviewItem, prospects: &[Prospect]) -> Value {
    let mut value = json!(item);
    let similar: Vec<Value> = item
        .similar
        .iter()
        .zip(prospects)
        .map(|(similar, prospect)| {
            json!({
                "name": similar.name,
                "similarity": similar.similarity,
                "same_version": similar.same_version,
                "worth": prospect.worth,
                "wins_today": prospect.wins_today,
                "command": approve_command(item, &similar.name),
            })
        })
        .collect();
    if let Some(object) = value.as_object_mut() {
        object.insert("similar".into(), similar.into());
        object.insert("approve".into(), json!(release(item)));
        object.insert("reject".into(), json!(reject_command(item)));
    }
    value
}

/// The command that would release a contract, with the likeliest name or a place to fill one in; `None` when only the exchange
/// can put right what is wrong.
fn release(item: &ReviewItem) -> Option<String> {
    let mapping = &item.line;
    mapping.subject.as_ref()?;
    if !mapping.state.may_enter() {
        let name = mapping.suggestions.first().map_or("NAME", String::as_str);
        return Some(approve_command(item, name));
    }
    let own = mapping.claim.as_ref().map(Claim::name)?;
    let changed = mapping.reasons.contains(&Reason::TermsChanged);
    changed.then(|| approve_command(item, own))
}

fn approve_command(item: &ReviewItem, name: &str) -> String {
    format!("autotrader map approve {} {}", item.line.ticker, quoted(name))
}

fn reject_command(item: &ReviewItem) -> String {
    match item.line.suggestions.as_slice() {
        [only] => format!("autotrader map reject {} {}", item.line.ticker, quoted(only)),
        _ => format!("autotrader map reject {}", item.line.ticker),
    }
}

/// A name as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '+');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

fn tell(item: &ReviewItem, prospects: &[Prospect]) {
    let mapping = &item.line;
    line(&format!(
        "{}: {} (the exchange names {}).",
        mapping.ticker,
        codes(&mapping.reasons),
        mapping.subject.as_deref().map_or_else(
            || "nothing that can be read".to_owned(),
            |subject| format!("`{}`", escape(subject))
        ),
    ));
    if let Some(said) = &item.said {
        tell_change(said, &item.says);
    }
    for (similar, prospect) in item.similar.iter().zip(prospects) {
        let mut notes = vec![format!("similarity {:.2}", similar.similarity)];
        if !similar.same_version {
            notes.push("another version".to_owned());
        }
        let worth = prospect.worth.map(|worth| format!("{worth:.3}"));
        notes.push(format!("worth {}", or_dash(worth)));
        notes.push(
            if prospect.wins_today {
                "wins today"
            } else {
                "does not win today"
            }
            .to_owned(),
        );
        line(&format!("  {}: {}.", escape(&similar.name), notes.join(", ")));
    }
    match release(item) {
        Some(command) => line(&format!("  To approve: {}", escape(&command))),
        None => line("  No decision releases it: the exchange must put its words right first."),
    }
    line(&format!("  To reject:  {}", escape(&reject_command(item))));
}

fn tell_change(said: &ContractTerms, says: &ContractTerms) {
    if said.strike_model != says.strike_model {
        line(&format!(
            "  Its model was {} and is {}.",
            escape(&or_dash(said.strike_model.as_deref())),
            escape(&or_dash(says.strike_model.as_deref()))
        ));
    }
    if said.rules_primary != says.rules_primary {
        line(&format!("  It said: {}", escape(&said.rules_primary)));
        line(&format!("  It says: {}", escape(&says.rules_primary)));
    }
}

fn rules_command(text: &RuleText) -> String {
    format!(
        "autotrader map rules approve {} RULESET --text {}",
        text.series,
        short_hash(&text.text)
    )
}

fn waiting_text_json(facts: &Facts, text: &RuleText) -> Value {
    let mut value = text_json(text);
    if let Some(object) = value.as_object_mut() {
        object.insert("readings".into(), json!(readings(facts)));
        object.insert("command".into(), json!(rules_command(text)));
    }
    value
}

fn tell_text(facts: &Facts, text: &RuleText) {
    line(&format!(
        "{}: rules_unknown on {} contracts. The text {} is not approved:",
        text.series,
        text.contracts.len(),
        short_hash(&text.text)
    ));
    line(&format!("  \"{}\"", escape(&text.text)));
    for reading in readings(facts) {
        line(&format!("  {}", escape(&reading.in_words())));
    }
    line(&format!("  To approve: {}", rules_command(text)));
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_is_one_word_for_a_shell() {
        for (name, word) in [
            ("aurora-6.1_high", "aurora-6.1_high"),
            ("Northwind Labs", "'Northwind Labs'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
            ("-x", "'-x'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), word);
        }
    }
}
