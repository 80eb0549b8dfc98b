//! Looking at what passes through the core: logs and alerts here, the demo's report elsewhere.

use std::sync::Arc;

use autotrader_domain::ports::Notifier;
use autotrader_domain::{Alert, Money, OrderState, Reading, ReadingOutcome, Record, Severity};
use autotrader_engine::{Effect, Event, Handled};
use autotrader_risk::Cause;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

/// Sees every step of the core after it was taken. Must not fail and must not block.
pub(crate) trait Watcher: Send {
    /// One step.
    fn saw(&mut self, at: DateTime<Utc>, event: &Event, handled: &Handled);
}

/// Writes the log's stable event names.
#[derive(Debug, Default)]
pub(crate) struct LogWatcher;

impl Watcher for LogWatcher {
    fn saw(&mut self, _: DateTime<Utc>, event: &Event, handled: &Handled) {
        match event {
            Event::Reading(reading) => log_reading(reading, handled),
            Event::Order(update) if update.order.state == OrderState::Rejected => info!(
                event = "order_rejected",
                by = "exchange",
                client_order_id = %update.order.client_order_id,
                ticker = %update.order.intent.ticker,
                reason = update.order.reject_reason.map_or("unknown", autotrader_domain::RejectReason::code),
                detail = %update.detail,
            ),
            Event::Order(update) => info!(
                event = "order_updated",
                client_order_id = %update.order.client_order_id,
                ticker = %update.order.intent.ticker,
                state = update.order.state.as_str(),
                filled = %update.order.filled,
                detail = %update.detail,
            ),
            Event::Fill(fill) => info!(
                event = "order_filled",
                ticker = %fill.ticker,
                side = ?fill.side,
                price = %fill.price,
                contracts = %fill.contracts,
                fee = %fill.fee,
            ),
            Event::Settlement(settled) => {
                info!(event = "market_settled", ticker = %settled.ticker, yes_value = %settled.yes_value);
            }
            Event::Mismatch { detail } => warn!(event = "position_reconciliation_mismatches", detail),
            _ => {}
        }
        handled.effects.iter().for_each(log_effect);
    }
}

fn log_reading(reading: &Reading, handled: &Handled) {
    match &reading.outcome {
        ReadingOutcome::Page { page, unchanged } => {
            info!(
                event = "arena_leaderboard_fetched",
                source = reading.source,
                bytes = reading.bytes,
                latency_ms = u64::try_from(reading.latency.as_millis()).unwrap_or(u64::MAX),
                unchanged,
            );
            info!(
                event = "parsed_html_table",
                path = page.path.map_or("none", autotrader_domain::ParsePath::as_str),
                verdict = ?page.verdict,
                rows = page.board.entries.len(),
                hash = %page.hash,
            );
        }
        ReadingOutcome::Failed { code, detail } => {
            warn!(
                event = "arena_fetch_all_failed",
                code,
                detail,
                source = reading.source
            );
        }
    }
    let signals = handled
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Record(Record::Signal { .. })));
    if !signals {
        info!(event = "tick_no_signals");
    }
}

fn log_effect(effect: &Effect) {
    match effect {
        Effect::Record(Record::Signal { signal, urgency, .. }) => {
            info!(event = "signal_generated", kind = signal.kind(), urgency = ?urgency, signal = ?signal);
        }
        Effect::Record(Record::Refusal {
            ticker,
            reason,
            detail,
            ..
        }) => {
            info!(event = "order_rejected", by = "risk", ticker = %ticker, reason = reason.code(), detail);
        }
        Effect::Record(Record::RiskCause {
            cause,
            raised: true,
            detail,
            ..
        }) => {
            // What ends by itself stops entries only: nobody threw a switch.
            if cause.parse::<Cause>().is_ok_and(Cause::releases_itself) {
                warn!(event = "entries_suspended", cause, detail);
            } else {
                warn!(event = "kill_switch_activated", cause, detail);
            }
        }
        Effect::Record(Record::RiskCause {
            cause,
            raised: false,
            detail,
            ..
        }) => {
            if cause.parse::<Cause>().is_ok_and(Cause::releases_itself) {
                info!(event = "entries_resumed", cause, detail);
            } else {
                info!(event = "kill_switch_deactivated", cause, detail);
            }
        }
        Effect::Place { order, .. } => {
            let order = order.get();
            info!(
                event = "order_approved",
                client_order_id = %order.client_order_id,
                ticker = %order.intent.ticker,
                rationale = order.intent.rationale,
            );
        }
        _ => {}
    }
}

/// Tells the operator what the configuration asks for.
pub(crate) struct AlertWatcher {
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) trades: bool,
    pub(crate) signals: bool,
    pub(crate) errors: bool,
    pub(crate) large_trade: Money,
}

impl Watcher for AlertWatcher {
    fn saw(&mut self, at: DateTime<Utc>, event: &Event, handled: &Handled) {
        if let (true, Event::Fill(fill)) = (self.trades, event) {
            let cost = fill.price.times(fill.contracts).unwrap_or(Money::ZERO);
            let large = if cost >= self.large_trade {
                "LARGE TRADE: "
            } else {
                ""
            };
            let text = format!(
                "{large}{:?} {} of {} at {}, fee {}.",
                fill.side, fill.contracts, fill.ticker, fill.price, fill.fee
            );
            self.notifier.notify(Alert {
                severity: Severity::Info,
                name: format!("fill:{}", fill.fill_id),
                text,
                at,
            });
        }
        for effect in &handled.effects {
            match effect {
                Effect::Alert(alert) if self.errors || alert.severity == Severity::Critical => {
                    self.notifier.notify(alert.clone());
                }
                Effect::Record(Record::Signal {
                    signal,
                    board,
                    urgency,
                    ..
                }) if self.signals => {
                    let text = format!("{urgency:?}: {signal:?}");
                    let name = format!("signal:{}:{board}", signal.kind());
                    self.notifier.notify(Alert {
                        severity: Severity::Info,
                        name,
                        text,
                        at,
                    });
                }
                _ => {}
            }
        }
    }
}
