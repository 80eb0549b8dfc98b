//! Whether the page is the one the contracts settle on.

use autotrader_domain::GateReasonCode::{IdentityUnproven, StyleControlOn, WrongCategory, WrongLeaderboard};

use super::GateSettings;
use crate::parse::Identity;
use crate::parse::findings::{Findings, quoted};

/// Notes what contradicts the expected identity; gives whether it is established.
pub(super) fn judge(identity: &Identity, settings: &GateSettings, findings: &mut Findings) -> bool {
    arena_and_slug(identity, settings, findings);
    category_and_style(identity, settings, findings);
    let wrong = [WrongCategory, WrongLeaderboard, StyleControlOn]
        .into_iter()
        .any(|code| findings.has(code));
    let proven = proven_by_payload(identity) || proven_by_description(identity);
    if !wrong && !proven {
        findings.refuse(IdentityUnproven, || {
            "the page does not establish its leaderboard, category and style control".to_owned()
        });
    }
    proven && !wrong
}

fn proven_by_payload(identity: &Identity) -> bool {
    identity.arena.is_some()
        && identity.slug.is_some()
        && identity.category.is_some()
        && identity.style_control.is_some()
}

/// A payload that says only part of it is not helped by the description: something was lost.
fn proven_by_description(identity: &Identity) -> bool {
    let silent = identity.slug.is_none()
        && identity.arena.is_none()
        && identity.category.is_none()
        && identity.style_control.is_none();
    silent
        && identity
            .described
            .as_ref()
            .is_some_and(|described| described.style_control.is_some())
}

fn arena_and_slug(identity: &Identity, settings: &GateSettings, findings: &mut Findings) {
    let described = identity.described.as_ref().map(|described| &described.arena);
    for arena in identity.arena.iter().chain(described) {
        if *arena != settings.expected_arena {
            findings.refuse(WrongLeaderboard, || format!("the arena is {}", quoted(arena)));
        }
    }
    if let Some(slug) = &identity.slug
        && *slug != settings.expected_slug
        && !follows_from_params(slug, identity)
    {
        findings.refuse(WrongLeaderboard, || {
            format!("the leaderboard is {}", quoted(slug))
        });
    }
}

/// Whether a slug only repeats a category or style control that is refused on its own.
fn follows_from_params(slug: &str, identity: &Identity) -> bool {
    let (Some(category), Some(style_control)) = (&identity.category, identity.style_control) else {
        return false;
    };
    match slug.strip_suffix("-no-style-control") {
        Some(of) => of == category && !style_control,
        None => slug == category && style_control,
    }
}

fn category_and_style(identity: &Identity, settings: &GateSettings, findings: &mut Findings) {
    let described = identity.described.as_ref();
    let categories = identity.category.iter().chain(&identity.category_name);
    for category in categories.chain(described.map(|described| &described.category)) {
        if *category != settings.expected_category {
            findings.refuse(WrongCategory, || format!("the category is {}", quoted(category)));
        }
    }
    let styles = [
        identity.style_control,
        described.and_then(|described| described.style_control),
    ];
    if styles.contains(&Some(true)) {
        findings.refuse(StyleControlOn, || "style control is on".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::gate::GateSettings;
    use crate::parse::findings::Findings;
    use crate::parse::{Description, Identity};
    use autotrader_domain::GateReasonCode::{
        self, IdentityUnproven, StyleControlOn, WrongCategory, WrongLeaderboard,
    };
    use rstest::rstest;

    fn overall() -> Identity {
        Identity {
            arena: Some("text".into()),
            slug: Some("overall-no-style-control".into()),
            category: Some("overall".into()),
            category_name: Some("overall".into()),
            style_control: Some(false),
            described: None,
        }
    }

    fn described(arena: &str, category: &str, style_control: Option<bool>) -> Option<Description> {
        Some(Description {
            arena: arena.into(),
            category: category.into(),
            style_control,
        })
    }

    #[rstest]
    #[case::as_expected(overall(), &[], true)]
    #[case::coding(
        Identity { slug: Some("coding-no-style-control".into()), category: Some("coding".into()),
            category_name: Some("coding".into()), described: described("text", "coding", Some(false)), ..overall() },
        &[WrongCategory], false)]
    #[case::style_on(
        Identity { slug: Some("overall".into()), style_control: Some(true), ..overall() }, &[StyleControlOn], false)]
    #[case::style_flag_alone(Identity { style_control: Some(true), ..overall() }, &[StyleControlOn], false)]
    #[case::other_slug(Identity { slug: Some("overallx".into()), ..overall() }, &[WrongLeaderboard], false)]
    #[case::slug_of_style_on(Identity { slug: Some("overall".into()), ..overall() }, &[WrongLeaderboard], false)]
    #[case::vision(Identity { arena: Some("vision".into()), ..overall() }, &[WrongLeaderboard], false)]
    #[case::params_alone(Identity { category: Some("math".into()), ..overall() }, &[WrongCategory], false)]
    #[case::name_alone(Identity { category_name: Some("math".into()), ..overall() }, &[WrongCategory], false)]
    #[case::description_disagrees(
        Identity { described: described("text", "math", Some(false)), ..overall() }, &[WrongCategory], false)]
    #[case::description_style_on(
        Identity { described: described("text", "overall", Some(true)), ..overall() }, &[StyleControlOn], false)]
    #[case::description_alone(
        Identity { described: described("text", "overall", Some(false)), ..Identity::default() }, &[], true)]
    #[case::description_without_style(
        Identity { described: described("text", "overall", None), ..Identity::default() }, &[IdentityUnproven], false)]
    #[case::description_does_not_mend_a_payload(
        Identity { style_control: None, described: described("text", "overall", Some(false)), ..overall() },
        &[IdentityUnproven], false)]
    #[case::nothing(Identity::default(), &[IdentityUnproven], false)]
    #[case::no_slug(Identity { slug: None, ..overall() }, &[IdentityUnproven], false)]
    #[case::no_arena(Identity { arena: None, ..overall() }, &[IdentityUnproven], false)]
    #[case::no_category(Identity { category: None, ..overall() }, &[IdentityUnproven], false)]
    fn identities(#[case] identity: Identity, #[case] codes: &[GateReasonCode], #[case] proven: bool) {
        let mut findings = Findings::default();
        assert_eq!(judge(&identity, &GateSettings::default(), &mut findings), proven);
        let found: Vec<GateReasonCode> = findings.reasons().iter().map(|reason| reason.code).collect();
        assert_eq!(found, codes);
    }
}
