//! Faults in one line of text.

use std::str::FromStr;

use super::{FaultDesk, FaultKind, FaultRule, Rate, RateError, Scope, ScopeError, UnknownFault};

/// Which faults happen by themselves, as written on a command line: `KIND=RATE[:AMOUNT][@SCOPE]`, separated by commas.
///
/// The rate is per ten thousand places; the amount is a time such as `250ms`, `30s` or `-5s`; `all` stands for every kind
/// at its usual rate, `all=RATE` for every kind at one rate; what comes later wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultSpec(Vec<(FaultKind, FaultRule)>);

/// Why a text is no such list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// An item without `=`.
    #[error("`{0}` is not KIND=RATE[:AMOUNT][@SCOPE], such as latency=100:250ms@reads")]
    Shape(String),
    /// A wrong kind.
    #[error(transparent)]
    Kind(#[from] UnknownFault),
    /// A wrong rate.
    #[error("{0}: {1}")]
    Rate(FaultKind, RateError),
    /// A wrong rate for all kinds.
    #[error("all: {0}")]
    RateOfAll(RateError),
    /// A wrong scope.
    #[error("{0}: {1}")]
    Scope(FaultKind, ScopeError),
    /// A wrong amount.
    #[error("{kind}: `{text}` is not a time such as 250ms or 30s")]
    Amount {
        /// Of which kind.
        kind: FaultKind,
        /// What was written.
        text: String,
    },
    /// An amount where none is used.
    #[error("{0} takes no amount")]
    NoAmount(FaultKind),
}

impl FaultSpec {
    /// The longest amount, in milliseconds: a day.
    pub const LONGEST_MS: i64 = 86_400_000;

    /// The rules, in the order written.
    #[must_use]
    pub fn rules(&self) -> &[(FaultKind, FaultRule)] {
        &self.0
    }

    /// A desk with these rules.
    #[must_use]
    pub fn desk(&self, seed: u64) -> FaultDesk {
        let mut desk = FaultDesk::new(seed);
        for (kind, rule) in &self.0 {
            desk.set_rule(*kind, rule.clone());
        }
        desk
    }

    /// Every kind at its usual rate: rare enough that a sound client makes progress.
    #[must_use]
    pub fn all() -> Self {
        Self(
            FaultKind::ALL
                .iter()
                .map(|kind| (*kind, FaultRule::at_rate(*kind, usual_rate(*kind))))
                .collect(),
        )
    }
}

/// How often a kind happens under `all`.
const fn usual_rate(kind: FaultKind) -> Rate {
    Rate::per_million(match kind {
        FaultKind::Latency | FaultKind::PageSlow => 20_000,
        // Each costs the client its whole patience.
        FaultKind::TimeoutBefore | FaultKind::TimeoutAfter | FaultKind::WsSilence => 500,
        // Each costs a reconnect with all its snapshots.
        FaultKind::WsReset | FaultKind::WsOverflow | FaultKind::WsTruncated => 50,
        // Results are few.
        FaultKind::DisputedResult => 200_000,
        kind if matches!(kind.name().as_bytes(), [b'w', b's', b'_', ..]) => 200,
        _ => 5_000,
    })
}

fn amount(kind: FaultKind, text: &str) -> Result<i64, SpecError> {
    let error = || SpecError::Amount {
        kind,
        text: text.to_owned(),
    };
    if !kind.takes_amount() {
        return Err(SpecError::NoAmount(kind));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        // Only a clock can be wrong in both directions.
        Some(digits) if matches!(kind, FaultKind::ClockSkew) => (true, digits),
        Some(_) => return Err(error()),
        None => (false, text),
    };
    let (digits, unit) = match digits.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (digits.strip_suffix('s').ok_or_else(error)?, 1_000),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error());
    }
    let number: i64 = digits.parse().map_err(|_| error())?;
    let amount = number
        .checked_mul(unit)
        .filter(|ms| *ms <= FaultSpec::LONGEST_MS)
        .ok_or_else(error)?;
    Ok(if negative { -amount } else { amount })
}

fn item(text: &str) -> Result<Vec<(FaultKind, FaultRule)>, SpecError> {
    if text == "all" {
        return Ok(FaultSpec::all().0);
    }
    let shape = || SpecError::Shape(text.to_owned());
    let (name, rest) = text.split_once('=').ok_or_else(shape)?;
    if name == "all" {
        let rate: Rate = rest.parse().map_err(SpecError::RateOfAll)?;
        let rule = |kind: &FaultKind| (*kind, FaultRule::at_rate(*kind, rate));
        return Ok(FaultKind::ALL.iter().map(rule).collect());
    }
    let kind: FaultKind = name.parse()?;
    let (rest, scope) = match rest.split_once('@') {
        Some((rest, scope)) => (rest, Some(scope)),
        None => (rest, None),
    };
    let (rate, time) = match rest.split_once(':') {
        Some((rate, time)) => (rate, Some(time)),
        None => (rest, None),
    };
    let rate = rate.parse().map_err(|error| SpecError::Rate(kind, error))?;
    let mut rule = FaultRule::at_rate(kind, rate);
    if let Some(time) = time {
        rule.amount_ms = amount(kind, time)?;
    }
    if let Some(scope) = scope {
        rule.scope = scope
            .parse::<Scope>()
            .map_err(|error| SpecError::Scope(kind, error))?;
    }
    Ok(vec![(kind, rule)])
}

impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut rules = Vec::new();
        for part in text.split(',').map(str::trim) {
            rules.extend(item(part)?);
        }
        Ok(Self(rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(FaultKind, Rate, i64, String)> {
        let spec: FaultSpec = text.parse().unwrap();
        spec.rules()
            .iter()
            .map(|(kind, rule)| (*kind, rule.rate, rule.amount_ms, rule.scope.to_string()))
            .collect()
    }

    #[test]
    fn kinds_rates_amounts_and_scopes_are_read() {
        let any = || "any".to_owned();
        assert_eq!(
            rules("ws_drop=50, latency=100:250ms,clock_skew=1:-30s,missing_field=0.5@GET:/portfolio"),
            [
                (FaultKind::WsDrop, Rate::per_ten_thousand(50), 0, any()),
                (FaultKind::Latency, Rate::per_ten_thousand(100), 250, any()),
                (FaultKind::ClockSkew, Rate::per_ten_thousand(1), -30_000, any()),
                (
                    FaultKind::MissingField,
                    Rate::per_million(50),
                    0,
                    "GET:/portfolio".to_owned()
                ),
            ]
        );
        assert_eq!(
            rules("timeout_after=3@POST:/portfolio/events/orders:"),
            [(
                FaultKind::TimeoutAfter,
                Rate::per_ten_thousand(3),
                30_000,
                "POST:/portfolio/events/orders:".to_owned()
            )]
        );
    }

    #[test]
    fn all_names_every_kind_and_later_items_win() {
        let spec: FaultSpec = "all".parse().unwrap();
        assert_eq!(spec.rules().len(), FaultKind::ALL.len());
        assert!(spec.rules().iter().all(|(_, rule)| rule.rate > Rate::NEVER));
        let desk = "all=7,ws_drop=0".parse::<FaultSpec>().unwrap().desk(1);
        assert_eq!(desk.rule(FaultKind::WsDrop).rate, Rate::NEVER);
        assert_eq!(desk.rule(FaultKind::Latency).rate, Rate::per_ten_thousand(7));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        for (text, said) in [
            ("", "`` is not KIND=RATE"),
            ("ws_drop", "`ws_drop` is not KIND=RATE"),
            ("ws_drop=1,", "`` is not KIND=RATE"),
            ("drop=1", "`drop` is not a fault"),
            ("ws_drop=x", "ws_drop: `x` is not a rate"),
            ("all=x", "all: `x` is not a rate"),
            ("ws_drop=1:5s", "ws_drop takes no amount"),
            ("latency=1:5", "latency: `5` is not a time"),
            ("latency=1:-5s", "latency: `-5s` is not a time"),
            ("latency=1:s", "latency: `s` is not a time"),
            ("latency=1:99999999999999999999s", "is not a time"),
            ("latency=1:9223372036854775807s", "is not a time"),
            ("latency=1@there", "latency: `there` is not a scope"),
        ] {
            let error = text.parse::<FaultSpec>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains('\n'), "{text}: {error}");
        }
    }
}
