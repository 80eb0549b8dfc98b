//! What the parsers and the gate collect on the way: reasons and anomalies, one line per code.

use autotrader_domain::{Anomaly, GateReason, GateReasonCode};

/// Reasons in the order first met, each with its first place and how many more there were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    reasons: Vec<(GateReasonCode, String, usize)>,
    anomalies: Vec<(&'static str, String, usize)>,
}

impl Findings {
    /// Notes a reason against the board.
    pub(crate) fn refuse(&mut self, code: GateReasonCode, detail: impl FnOnce() -> String) {
        match self.reasons.iter_mut().find(|(known, ..)| *known == code) {
            Some((_, _, more)) => *more += 1,
            None => self.reasons.push((code, detail(), 0)),
        }
    }

    /// Notes an oddity that does not by itself refuse the board.
    pub(crate) fn odd(&mut self, code: &'static str, detail: impl FnOnce() -> String) {
        match self.anomalies.iter_mut().find(|(known, ..)| *known == code) {
            Some((_, _, more)) => *more += 1,
            None => self.anomalies.push((code, detail(), 0)),
        }
    }

    /// Whether a reason with this code was noted.
    pub(crate) fn has(&self, code: GateReasonCode) -> bool {
        self.reasons.iter().any(|(known, ..)| *known == code)
    }

    /// The reasons, one per code.
    pub(crate) fn reasons(&self) -> Vec<GateReason> {
        self.reasons
            .iter()
            .map(|(code, detail, more)| GateReason {
                code: *code,
                detail: counted(detail, *more),
            })
            .collect()
    }

    /// The anomalies, one per code.
    pub(crate) fn anomalies(&self) -> Vec<Anomaly> {
        self.anomalies
            .iter()
            .map(|(code, detail, more)| Anomaly {
                code: (*code).to_owned(),
                detail: counted(detail, *more),
            })
            .collect()
    }
}

fn counted(detail: &str, more: usize) -> String {
    match more {
        0 => detail.to_owned(),
        _ => format!("{detail} (and {more} more)"),
    }
}

/// Shows outside text in a message: short, on one line, without control characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::{Findings, quoted};
    use autotrader_domain::GateReasonCode::{InvalidValues, MissingFields};
    use rstest::rstest;

    #[test]
    fn one_line_per_code_in_the_order_first_met() {
        let mut findings = Findings::default();
        findings.refuse(MissingFields, || "row 2".to_owned());
        findings.refuse(InvalidValues, || "row 3".to_owned());
        findings.refuse(MissingFields, || "row 4".to_owned());
        findings.odd("x", || "y".to_owned());
        let reasons: Vec<_> = findings
            .reasons()
            .into_iter()
            .map(|reason| (reason.code, reason.detail))
            .collect();
        assert_eq!(
            reasons,
            [
                (MissingFields, "row 2 (and 1 more)".to_owned()),
                (InvalidValues, "row 3".to_owned())
            ]
        );
        assert_eq!(findings.anomalies().len(), 1);
        assert!(findings.has(MissingFields));
    }

    #[rstest]
    #[case("a", "`a`")]
    #[case("a\nb\u{7}", "`a\\nb\\u{7}`")]
    fn outside_text_stays_on_one_line(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(quoted(text), shown);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(quoted(&"x".repeat(1000)), format!("`{}…`", "x".repeat(60)));
    }
}
