//! Alerts to the log, and to several places at once.

use std::fmt;
use std::sync::Arc;

use autotrader_domain::ports::Notifier;
use autotrader_domain::{Alert, Severity};

use crate::events;

/// Writes alerts to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

impl Notifier for LogNotifier {
    fn notify(&self, alert: Alert) {
        let Alert { name, text, .. } = alert;
        match alert.severity {
            Severity::Info => tracing::info!(event = events::ALERT, name, text),
            Severity::Warning => tracing::warn!(event = events::ALERT, name, text),
            Severity::Critical => tracing::error!(event = events::ALERT, name, text),
        }
    }
}

/// Passes each alert to several notifiers, in order.
#[derive(Clone, Default)]
pub struct Fanout {
    notifiers: Vec<Arc<dyn Notifier>>,
}

impl Fanout {
    /// Passes alerts to all of these.
    #[must_use]
    pub fn new(notifiers: Vec<Arc<dyn Notifier>>) -> Self {
        Self { notifiers }
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("notifiers", &self.notifiers.len())
            .finish()
    }
}

impl Notifier for Fanout {
    fn notify(&self, alert: Alert) {
        for notifier in &self.notifiers {
            notifier.notify(alert.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Alert>>);

    impl Notifier for Heard {
        fn notify(&self, alert: Alert) {
            self.0.lock().unwrap().push(alert);
        }
    }

    fn alert(severity: Severity) -> Alert {
        Alert {
            severity,
            name: "board_held".to_owned(),
            text: "A newer board is held.".to_owned(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_fanout_reaches_everyone_once() {
        let (one, other) = (Arc::new(Heard::default()), Arc::new(Heard::default()));
        Fanout::new(vec![one.clone(), other.clone()]).notify(alert(Severity::Info));
        assert_eq!(*one.0.lock().unwrap(), [alert(Severity::Info)]);
        assert_eq!(*other.0.lock().unwrap(), [alert(Severity::Info)]);
        Fanout::default().notify(alert(Severity::Info));
    }

    #[test]
    fn the_log_shows_each_severity_at_its_level() {
        let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
        let writer = Arc::clone(&lines);
        let subscriber = crate::subscriber("info", true, false, move || Sink(Arc::clone(&writer))).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
                LogNotifier.notify(alert(severity));
            }
        });
        let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        let levels: Vec<String> = text
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(
                    (&line["event"], &line["name"]),
                    (&"alert".into(), &"board_held".into())
                );
                line["level"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(levels, ["INFO", "WARN", "ERROR"]);
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
