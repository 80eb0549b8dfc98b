//! Whether live execution may begin: on this machine always, beyond it only when the operator has said so.

use autotrader_config::Config;
use autotrader_domain::ports::{Ledger, Notifier};
use autotrader_domain::{Alert, ExecutionMode, Record, Severity};
use autotrader_kalshi_api::Destination;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::Failure;

/// What live execution would mean under a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Live {
    /// Orders would stay on this machine.
    ThisMachine,
    /// Orders would reach the exchange.
    Exchange {
        /// Why no checklist was needed; `None` when one has passed.
        override_reason: Option<String>,
    },
    /// It may not begin; one sentence for each thing that is missing or wrong.
    Refused(Vec<String>),
}

impl Live {
    /// Judges a configuration, whatever its execution mode is.
    pub(crate) fn of(config: &Config, checklist_passed: bool) -> Self {
        let mut wrong = config.lacking_for_live(checklist_passed);
        let mut beyond = false;
        for destination in destinations(config) {
            match destination {
                Ok(destination) => beyond |= destination == Destination::Exchange,
                Err(sentence) => wrong.push(sentence_of(&sentence)),
            }
        }
        if !wrong.is_empty() {
            Self::Refused(wrong)
        } else if beyond {
            Self::Exchange {
                override_reason: if checklist_passed {
                    None
                } else {
                    config.live_override().map(str::to_owned)
                },
            }
        } else {
            Self::ThisMachine
        }
    }

    /// Whether live execution may begin.
    pub(crate) const fn is_allowed(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// What is missing or wrong.
    pub(crate) fn refusals(&self) -> &[String] {
        match self {
            Self::Refused(sentences) => sentences,
            Self::ThisMachine | Self::Exchange { .. } => &[],
        }
    }
}

impl Live {
    /// Tells and writes down on what ground orders may reach the exchange.
    ///
    /// # Errors
    /// [`Failure`] when an override cannot be written down: without its record it does not hold.
    pub(crate) async fn announce(
        &self,
        config: &Config,
        ledger: &dyn Ledger,
        notifier: &dyn Notifier,
        at: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let Self::Exchange { override_reason } = self else {
            return Ok(());
        };
        let base_url = config.kalshi.effective_base_url();
        info!(
            event = "live_execution_allowed",
            environment = %config.kalshi.environment,
            base_url,
            by = if override_reason.is_some() { "override" } else { "checklist" },
        );
        let Some(reason) = override_reason else {
            return Ok(());
        };
        warn!(event = "live_override", reason);
        let record = Record::System {
            at,
            name: "live_override".into(),
            detail: format!("{} {base_url}: {reason}", config.kalshi.environment),
        };
        ledger.record(vec![record]).await.map_err(|error| {
            Failure::failed(format!(
                "database: risk.live_override cannot be written down, so it does not hold: {error}."
            ))
        })?;
        notifier.notify(Alert {
            severity: Severity::Warning,
            name: "live_override".into(),
            text: format!(
                "Live execution on {} begins without a passing checklist: {reason}.",
                config.kalshi.environment
            ),
            at,
        });
        Ok(())
    }
}

/// Where the addresses in force lead, or why nothing signed may go there.
fn destinations(config: &Config) -> impl Iterator<Item = Result<Destination, String>> {
    let kalshi = &config.kalshi;
    let stream = kalshi.websocket_enabled.then(|| kalshi.effective_websocket_url());
    [Some(kalshi.effective_base_url().to_owned()), stream]
        .into_iter()
        .flatten()
        .map(|address| Destination::of(&address, kalshi.environment))
}

fn sentence_of(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(letters).chain(['.']).collect()
}

/// Refuses a live run that may not begin, and gives what it means where there is something to tell; paper is always allowed.
///
/// What only cancels and closes (`closes_only`) needs no confirmation but the operator's command: a guard against entries must
/// not keep a position open. The hosts are held in any case.
///
/// # Errors
/// [`Failure`] with everything that is missing, in one line.
pub(crate) fn admit(config: &Config, closes_only: bool) -> Result<Option<Live>, Failure> {
    if config.kalshi.execution_mode == ExecutionMode::Paper {
        return Ok(None);
    }
    if closes_only {
        let wrong: Vec<String> = destinations(config).filter_map(Result::err).collect();
        return if wrong.is_empty() {
            Ok(None)
        } else {
            Err(Failure::failed(format!("exchange: {}.", wrong.join("; "))))
        };
    }
    // No checklist is kept yet, so none has passed.
    let live = Live::of(config, false);
    match &live {
        Live::Refused(sentences) => Err(Failure::failed(format!(
            "Live execution is limited to this machine until this is mended: {}",
            sentences.join(" ")
        ))),
        Live::ThisMachine | Live::Exchange { .. } => Ok(Some(live)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use autotrader_config::{Request, load};
    use autotrader_domain::ports::Clock as _;
    use autotrader_domain::{Environment, ManualClock};
    use autotrader_state::{Filter, NewDatabaseId, SqliteStore, Stamp};
    use tempfile::TempDir;

    use super::*;

    fn config(environment: Environment, mode: ExecutionMode, said: &[(&str, &str)]) -> Config {
        let directory = TempDir::new().unwrap();
        let key = directory.path().join("key.pem");
        std::fs::write(&key, "not a key, only a file").unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut variables: BTreeMap<String, String> = said
            .iter()
            .map(|(key, value)| (format!("AUTOTRADER__{key}"), (*value).to_owned()))
            .collect();
        variables.insert("AUTOTRADER__KALSHI__ENVIRONMENT".into(), environment.to_string());
        variables.insert("AUTOTRADER__KALSHI__API_KEY_ID".into(), "id".into());
        variables.insert(
            "AUTOTRADER__KALSHI__PRIVATE_KEY_PATH".into(),
            key.display().to_string(),
        );
        load(&Request {
            directory: None,
            execution_mode: Some(mode),
            variables,
            working_directory: directory.path().to_owned(),
        })
        .unwrap()
        .config
    }

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl Told {
        fn all(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Notifier for Told {
        fn notify(&self, alert: Alert) {
            self.0.lock().unwrap().push(alert.text);
        }
    }

    #[tokio::test]
    async fn an_override_is_written_down_and_told_at_every_start() {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap()));
        let url = format!("sqlite:///{}", directory.path().join("live.db").display());
        let stamp = Stamp::new(ExecutionMode::Live, Environment::Production, "id");
        let store = SqliteStore::open(&url, &stamp, NewDatabaseId::Random, clock.clone()).unwrap();
        let told = Told::default();
        let said = config(Environment::Production, ExecutionMode::Live, &SAID);
        let here = ("KALSHI__BASE_URL", "http://127.0.0.1:1/trade-api/v2");
        let local = config(Environment::Production, ExecutionMode::Live, &[here]);
        for config in [&said, &local, &said] {
            let live = admit(config).unwrap().unwrap();
            live.announce(config, &store, &told, clock.now()).await.unwrap();
        }
        let events = store.history().system_events(&Filter::default()).unwrap();
        assert_eq!(events.len(), 2, "{events:?}");
        for event in events {
            assert_eq!(event.name, "live_override");
            assert_eq!(
                event.detail,
                "production https://api.elections.kalshi.com/trade-api/v2: first week"
            );
        }
        assert_eq!(told.all().len(), 2);
        assert!(told.all()[0].contains("first week"));
    }

    fn admit(config: &Config) -> Result<Option<Live>, Failure> {
        super::admit(config, false)
    }

    const SAID: [(&str, &str); 2] = [
        ("KALSHI__LIVE_CONFIRMED", "true"),
        ("RISK__LIVE_OVERRIDE", "first week"),
    ];

    #[test]
    fn all_four_combinations_are_judged() {
        for environment in [Environment::Demo, Environment::Production] {
            let paper = config(environment, ExecutionMode::Paper, &[]);
            assert_eq!(admit(&paper).unwrap(), None, "{environment} paper needs nothing");
            let bare = config(environment, ExecutionMode::Live, &[]);
            let refusal = admit(&bare).unwrap_err().to_string();
            for part in [
                "limited to this machine",
                "kalshi.live_confirmed",
                "risk.live_override",
            ] {
                assert!(refusal.contains(part), "{part} in {refusal}");
            }
            assert!(!refusal.contains('\n'), "{refusal}");
            let said = config(environment, ExecutionMode::Live, &SAID);
            let allowed = Live::Exchange {
                override_reason: Some("first week".into()),
            };
            assert_eq!(admit(&said).unwrap(), Some(allowed), "{environment} live");
            let here = ("KALSHI__BASE_URL", "http://127.0.0.1:1/trade-api/v2");
            let local = config(environment, ExecutionMode::Live, &[here]);
            assert_eq!(admit(&local).unwrap(), Some(Live::ThisMachine));
        }
    }

    #[test]
    fn what_closes_needs_no_confirmation_but_keeps_to_the_hosts() {
        let bare = config(Environment::Demo, ExecutionMode::Live, &[]);
        assert!(super::admit(&bare, false).is_err());
        assert_eq!(super::admit(&bare, true).unwrap(), None);
        let elsewhere = (
            "KALSHI__BASE_URL",
            "https://demo-api.kalshi.co.evil.com/trade-api/v2",
        );
        let elsewhere = config(Environment::Demo, ExecutionMode::Live, &[elsewhere]);
        let refusal = super::admit(&elsewhere, true).unwrap_err().to_string();
        assert!(refusal.contains("not a documented host"), "{refusal}");
    }

    #[test]
    fn a_passing_checklist_needs_no_override() {
        let confirmed = config(Environment::Demo, ExecutionMode::Live, &SAID[..1]);
        assert_eq!(Live::of(&confirmed, false).refusals().len(), 1);
        let allowed = Live::Exchange {
            override_reason: None,
        };
        assert_eq!(Live::of(&confirmed, true), allowed);
    }

    #[test]
    fn no_confirmation_opens_another_host() {
        for (key, address, part) in [
            (
                "BASE_URL",
                "https://127.0.0.1.evil.com/trade-api/v2",
                "not a documented host",
            ),
            (
                "BASE_URL",
                "https://demo-api.kalshi.co.evil.com/trade-api/v2",
                "not a documented host",
            ),
            (
                "BASE_URL",
                "https://user@demo-api.kalshi.co/trade-api/v2",
                "user name",
            ),
            (
                "BASE_URL",
                "https://demo-api.kalshi.co:8443/trade-api/v2",
                "at port 443",
            ),
            (
                "BASE_URL",
                "https://api.elections.kalshi.com/trade-api/v2",
                "not belong to the demo",
            ),
            (
                "WEBSOCKET_URL",
                "wss://demo-api.kalshi.co.evil.com/",
                "not a documented host",
            ),
        ] {
            let key = format!("KALSHI__{key}");
            let said = [SAID[0], SAID[1], (key.as_str(), address)];
            let live = Live::of(&config(Environment::Demo, ExecutionMode::Live, &said), true);
            assert!(!live.is_allowed(), "{address}");
            let sentences = live.refusals().join(" ");
            assert!(sentences.contains(part), "{address}: {sentences}");
        }
    }
}
