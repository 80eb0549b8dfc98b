//! Sets the log up.

use std::fmt::Write;
use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter, format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::outside::Escaping;

/// Libraries that never say more than warnings: below that they write request headers, or every row of a page.
const QUIET: [&str; 11] = [
    "diesel",
    "h2",
    "html5ever",
    "hyper",
    "hyper_util",
    "mio",
    "reqwest",
    "rustls",
    "selectors",
    "tokio_tungstenite",
    "tungstenite",
];

/// Why the log could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TracingError {
    /// The level is not one.
    #[error("`{0}` is not a log level; use error, warn, info, debug or trace")]
    Level(String),
    /// A log was started before.
    #[error("the log of this process was started before")]
    AlreadyStarted,
}

/// Starts the log on standard error, once per process.
///
/// `level` is `error`, `warn`, `info`, `debug` or `trace`, in any case.
///
/// # Errors
/// [`TracingError`] when the level is not one or a log was started before.
pub fn init_tracing(level: &str, json: bool) -> Result<(), TracingError> {
    subscriber(level, json, std::io::stderr().is_terminal(), std::io::stderr)?
        .try_init()
        .map_err(|_| TracingError::AlreadyStarted)
}

/// The log as a subscriber that writes to `writer`: JSON lines, or lines for people with or without colour.
///
/// # Errors
/// [`TracingError::Level`] when the level is not one.
pub fn subscriber<W>(
    level: &str,
    json: bool,
    colour: bool,
    writer: W,
) -> Result<impl tracing::Subscriber + Send + Sync + 'static, TracingError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = filter(level)?;
    let layer = if json {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
            .boxed()
    } else {
        // One event is one line, whatever a field holds.
        let fields = format::debug_fn(|out, field, value| {
            if field.name() == "message" {
                write!(Escaping(out), "{value:?}")
            } else {
                write!(out, "{field}=")?;
                write!(Escaping(out), "{value:?}")
            }
        });
        fmt::layer()
            .with_target(false)
            .with_ansi(colour)
            .fmt_fields(tracing_subscriber::field::MakeExt::delimited(fields, " "))
            .with_writer(writer)
            .boxed()
    };
    Ok(tracing_subscriber::registry().with(layer.with_filter(filter)))
}

fn filter(level: &str) -> Result<Targets, TracingError> {
    let level: LevelFilter = match level.trim().to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return Err(TracingError::Level(level.to_owned())),
    };
    let quiet = level.min(LevelFilter::WARN);
    Ok(Targets::new()
        .with_default(level)
        .with_targets(QUIET.map(|target| (target, quiet))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn logged(level: &str, json: bool, what: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(level, json, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, what);
        lines.text()
    }

    #[test]
    fn json_lines_carry_the_fields_at_the_top() {
        let text = logged("info", true, || {
            tracing::info!(event = crate::events::SIGNAL_GENERATED, model = "a\nb", votes = 3);
        });
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["event"], "signal_generated");
        assert_eq!(line["model"], "a\nb");
        assert_eq!(line["votes"], 3);
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].is_string());
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_line_for_people_stays_one_line_whatever_comes_from_outside() {
        let evil = "a\n2026-01-01 ERROR forged\u{1b}[2J\u{202e}";
        let text = logged("info", false, || {
            tracing::info!(event = "signal_generated", shown = %evil, told = ?evil, plain = evil, "message {evil}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().chars().any(char::is_control), "{text}");
        assert!(
            text.contains("shown=a\\n2026-01-01 ERROR forged\\u{1b}[2J\\u{202e}"),
            "{text}"
        );
        assert!(text.contains("event=\"signal_generated\""), "{text}");
    }

    #[rstest]
    #[case("error", 1)]
    #[case("WARN", 2)]
    #[case("Warning", 2)]
    #[case("Info", 3)]
    #[case("debug", 4)]
    #[case(" TRACE ", 5)]
    fn levels_are_taken_in_any_case(#[case] level: &str, #[case] lines: usize) {
        let text = logged(level, true, || {
            tracing::error!(event = "a");
            tracing::warn!(event = "b");
            tracing::info!(event = "c");
            tracing::debug!(event = "d");
            tracing::trace!(event = "e");
        });
        assert_eq!(text.lines().count(), lines);
    }

    #[test]
    fn network_libraries_never_write_headers() {
        let text = logged("trace", true, || {
            tracing::trace!(target: "hyper::proto::h1", header = "signature");
            tracing::debug!(target: "h2::codec", header = "signature");
            tracing::warn!(target: "hyper", "wanted");
        });
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains("signature"));
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        let error = subscriber("loud", true, false, io::sink).err().unwrap();
        assert_eq!(
            error.to_string(),
            "`loud` is not a log level; use error, warn, info, debug or trace"
        );
    }

    #[test]
    fn a_second_start_is_refused() {
        init_tracing("error", true).unwrap();
        assert_eq!(init_tracing("error", false), Err(TracingError::AlreadyStarted));
    }
}
