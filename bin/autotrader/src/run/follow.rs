//! Commands that were taken up and wait to be confirmed by reading back from the exchange.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_domain::{ClientOrderId, Command, Monotonic};
use chrono::{DateTime, Utc};

use super::confirm::Verdict;

/// How long a command may stay unconfirmed before it is called impossible for now: while the exchange says nothing, and
/// while it answers. An order of unknown outcome is known to be gone only after listings most of a minute later.
const PATIENCE_WITH_SILENCE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(90);

/// The time between two looks at the account while a command waits, and once it was called impossible.
const BETWEEN: Duration = Duration::from_millis(700);
const BETWEEN_LATER: Duration = Duration::from_secs(10);

/// One command that waits.
#[derive(Debug)]
pub(crate) struct Undertaking {
    pub(crate) id: i64,
    pub(crate) command: Command,
    /// The orders that were open when it was taken up.
    pub(crate) asked_of: BTreeSet<ClientOrderId>,
    pub(crate) acted_at: DateTime<Utc>,
    began: Monotonic,
    /// Whether it was called impossible already.
    given_up: bool,
    /// Whether the last look at the account was answered.
    answered: bool,
    obstacle: String,
}

/// What is to be noted of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) id: i64,
    pub(crate) confirmed: bool,
    pub(crate) finding: String,
}

/// The commands that wait.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    open: Vec<Undertaking>,
    next_look: Option<Monotonic>,
}

impl Follow {
    /// Waits for one more command.
    pub(crate) fn add(
        &mut self,
        id: i64,
        command: Command,
        asked_of: BTreeSet<ClientOrderId>,
        acted_at: DateTime<Utc>,
        now: Monotonic,
    ) {
        self.open.push(Undertaking {
            id,
            command,
            asked_of,
            acted_at,
            began: now,
            given_up: false,
            answered: false,
            obstacle: "the exchange has not answered yet".to_owned(),
        });
        self.next_look = Some(now);
    }

    /// Whether every command is confirmed or was called impossible.
    pub(crate) fn is_settled(&self) -> bool {
        self.open.iter().all(|undertaking| undertaking.given_up)
    }

    /// The commands that wait.
    pub(crate) fn open(&self) -> &[Undertaking] {
        &self.open
    }

    /// The time of the first of them, when the account is to be read now.
    pub(crate) fn look_due(&mut self, now: Monotonic) -> Option<DateTime<Utc>> {
        let earliest = self.open.iter().map(|undertaking| undertaking.acted_at).min()?;
        if self.next_look.is_some_and(|next| now < next) {
            return None;
        }
        let waits = self.open.iter().any(|undertaking| !undertaking.given_up);
        let pause = if waits { BETWEEN } else { BETWEEN_LATER };
        self.next_look = Some(Monotonic(now.0.saturating_add(pause)));
        Some(earliest)
    }

    /// Notes why the account could not be read.
    pub(crate) fn hindered(&mut self, why: &str) {
        for undertaking in &mut self.open {
            undertaking.answered = false;
            why.clone_into(&mut undertaking.obstacle);
        }
    }

    /// Takes judgements; gives what is news. A flatten works as long as it moves; everything else that is not confirmed
    /// in time is called impossible for now, and still followed.
    pub(crate) fn judged(&mut self, judge: impl Fn(&Undertaking) -> Verdict) -> Vec<Note> {
        let mut notes = Vec::new();
        self.open.retain_mut(|undertaking| match judge(undertaking) {
            Verdict::Confirmed(finding) => {
                notes.push(Note {
                    id: undertaking.id,
                    confirmed: true,
                    finding,
                });
                false
            }
            Verdict::Impossible(finding) => {
                notes.push(Note {
                    id: undertaking.id,
                    confirmed: false,
                    finding,
                });
                false
            }
            Verdict::NotYet(why) => {
                undertaking.answered = true;
                undertaking.obstacle = why;
                true
            }
        });
        notes
    }

    /// The commands that still wait, called impossible because of `why` and forgotten.
    pub(crate) fn abandon(&mut self, why: &str) -> Vec<Note> {
        let open = std::mem::take(&mut self.open);
        open.into_iter()
            .filter(|undertaking| !undertaking.given_up)
            .map(|undertaking| Note {
                id: undertaking.id,
                confirmed: false,
                finding: format!("{why}: {}", undertaking.obstacle),
            })
            .collect()
    }

    /// The commands whose time is over, called impossible for now; each once. A flatten is not hurried while `flattens`.
    pub(crate) fn overdue(&mut self, now: Monotonic, flattens: bool) -> Vec<Note> {
        let late = |undertaking: &&mut Undertaking| {
            let hurried = !(flattens && matches!(undertaking.command, Command::Flatten { .. }));
            let patience = if undertaking.answered {
                PATIENCE
            } else {
                PATIENCE_WITH_SILENCE
            };
            !undertaking.given_up && hurried && now.since(undertaking.began) >= patience
        };
        self.open
            .iter_mut()
            .filter(late)
            .map(|undertaking| {
                undertaking.given_up = true;
                Note {
                    id: undertaking.id,
                    confirmed: false,
                    finding: undertaking.obstacle.clone(),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(Duration::from_secs(seconds))
    }

    fn follow(command: Command) -> Follow {
        let mut follow = Follow::default();
        follow.add(7, command, BTreeSet::new(), DateTime::UNIX_EPOCH, at(0));
        follow
    }

    fn halt() -> Command {
        Command::Halt {
            reason: "a test".into(),
        }
    }

    #[test]
    fn a_command_is_looked_after_at_once_then_at_a_pace() {
        let mut follow = follow(halt());
        assert!(follow.look_due(at(0)).is_some());
        assert!(follow.look_due(at(0)).is_none());
        assert!(follow.look_due(at(1)).is_some());
        assert_eq!(Follow::default().look_due(at(0)), None, "nothing waits");
    }

    #[test]
    fn a_silent_exchange_makes_it_impossible_for_now_and_an_answer_confirms_it_later() {
        let mut follow = follow(halt());
        assert_eq!(follow.overdue(at(9), false), []);
        follow.hindered("connection refused");
        let notes = follow.overdue(at(10), false);
        assert_eq!(notes.len(), 1);
        assert!(!notes[0].confirmed && notes[0].finding == "connection refused");
        assert_eq!(follow.overdue(at(20), false), [], "said once");
        assert!(follow.is_settled());
        let notes = follow.judged(|_| Verdict::Confirmed("nothing rests".into()));
        assert!(notes[0].confirmed);
        assert!(follow.open().is_empty());
    }

    #[test]
    fn what_is_not_done_yet_is_named_when_the_time_is_over() {
        let mut follow = follow(halt());
        assert_eq!(follow.judged(|_| Verdict::NotYet("x rests".into())), []);
        assert!(!follow.is_settled());
        assert_eq!(
            follow.overdue(at(89), false),
            [],
            "the exchange answers: it may still end well"
        );
        assert_eq!(follow.overdue(at(90), false)[0].finding, "x rests");
    }

    #[test]
    fn a_flatten_that_works_is_not_hurried() {
        let mut follow = follow(Command::Flatten {
            reason: "a test".into(),
        });
        assert_eq!(follow.overdue(at(60), true), []);
        assert_eq!(follow.overdue(at(60), false).len(), 1);
    }
}
