//! An explanation in words.

use crate::{Explanation, OtherReading, OutcomeKind, Step, Winner};
use std::fmt;

/// How many names a line lists before it only counts them.
const NAMES_LISTED: usize = 5;

impl fmt::Display for Winner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({})",
            self.model_name,
            self.organization.as_deref().unwrap_or("organisation not given")
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = self.best.as_deref().unwrap_or("none has one");
        write!(
            f,
            "{}: best {best}; {} of {} remain: ",
            self.criterion,
            self.survivors.len(),
            self.contenders
        )?;
        write_names(f, &self.survivors)
    }
}

impl fmt::Display for OtherReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule_set)?;
        match &self.winner {
            Some(winner) => winner.fmt(f),
            None => f.write_str(no_winner(self.outcome)),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.winner, self.decided_by) {
            (Some(winner), Some(criterion)) => {
                write!(
                    f,
                    "{winner} wins, decided by {criterion} (rule set {})",
                    self.rule_set
                )?;
            }
            _ => write!(
                f,
                "No winner: {} (rule set {})",
                no_winner(self.outcome),
                self.rule_set
            )?,
        }
        for step in &self.steps {
            write!(f, "\n  {step}")?;
        }
        if !self.tied.is_empty() {
            f.write_str("\n  share the top: ")?;
            write_names(f, &self.tied)?;
        }
        for step in &self.steps {
            let missing = |name: &&crate::Missing| name.criterion == step.criterion;
            let names: Vec<&str> = self
                .missing
                .iter()
                .filter(missing)
                .map(|missing| missing.model_name.as_str())
                .collect();
            if !names.is_empty() {
                write!(f, "\n  {} missing: ", step.criterion)?;
                write_names(f, &names)?;
            }
        }
        for date in &self.imprecise_dates {
            write!(
                f,
                "\n  imprecise date: {} {} counts as {}",
                date.model_name, date.given, date.counted_as
            )?;
        }
        if !self.duplicate_names.is_empty() {
            f.write_str("\n  listed more than once: ")?;
            write_names(f, &self.duplicate_names)?;
        }
        for reading in &self.other_readings {
            write!(f, "\n  another reading, {reading}")?;
        }
        Ok(())
    }
}

/// Why an outcome without a winner has none.
fn no_winner(outcome: OutcomeKind) -> &'static str {
    match outcome {
        OutcomeKind::NoEntries => "the board is empty",
        OutcomeKind::Unranked => "no entry has the rank that the rule looks at",
        OutcomeKind::TiedBetweenOrganizations => "organisations share the top, nobody is paid",
        OutcomeKind::TiedOrganizationUnknown => "models share the top and an organisation is not given",
        OutcomeKind::Sole | OutcomeKind::TiedInsideOrganization => "undecided",
    }
}

fn write_names(f: &mut fmt::Formatter<'_>, names: &[impl fmt::Display]) -> fmt::Result {
    for (position, name) in names.iter().take(NAMES_LISTED).enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        name.fmt(f)?;
    }
    match names.len().saturating_sub(NAMES_LISTED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
