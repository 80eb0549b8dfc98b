//! The last step before the socket: messages are let through, or meet the fault that was drawn for them.

use std::time::Duration;

use serde_json::Value;

use super::message::{Nature, Outgoing};
use super::mischief::WsFault;

/// How many messages may wait to be overtaken at once.
const LARGEST_WAIT: usize = 8;

/// The delivery to one reader. Pure: what comes out depends only on what went in.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Messages that let the next one overtake them.
    held: Vec<String>,
    state: State,
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    Sound,
    /// Open, and nothing is sent for this long from now.
    Silent(Duration),
    /// To be cut without a closing handshake.
    Cut { by_reset: bool },
}

impl Delivery {
    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// Ends a silence; what was not sent stays unsent.
    pub(super) fn speak(&mut self) {
        if matches!(self.state, State::Silent(_)) {
            self.state = State::Sound;
        }
    }

    /// Appends what really reaches the reader of `messages`.
    pub(super) fn pass(&mut self, messages: Vec<Outgoing>, out: &mut Vec<String>) {
        for message in messages {
            if self.state != State::Sound {
                return;
            }
            match message.nature {
                Nature::Reply => {
                    out.append(&mut self.held);
                    out.push(message.text);
                }
                Nature::Data(fault) => self.data(message.text, fault, out),
            }
        }
    }

    /// Lets held messages go that nothing came to overtake.
    pub(super) fn release(&mut self, out: &mut Vec<String>) {
        if self.state == State::Sound {
            out.append(&mut self.held);
        }
    }

    fn data(&mut self, text: String, fault: Option<WsFault>, out: &mut Vec<String>) {
        match fault {
            Some(WsFault::Silence(time)) => return self.state = State::Silent(time),
            Some(WsFault::Cut { by_reset }) => return self.state = State::Cut { by_reset },
            Some(WsFault::Drop) => return,
            Some(WsFault::Reorder) if self.held.len() < LARGEST_WAIT => return self.held.push(text),
            Some(WsFault::Duplicate) => {
                out.push(text.clone());
                out.push(text);
            }
            Some(WsFault::Truncated) => out.push(truncated(&text)),
            Some(WsFault::UnknownType) => {
                out.push(STRANGER.to_owned());
                out.push(text);
            }
            Some(WsFault::UnknownField) => out.push(dressed(&text)),
            Some(WsFault::MissingField(draw)) => out.push(stripped(&text, draw)),
            // A gap and an overflow are in the text already.
            None | Some(WsFault::Gap(_) | WsFault::Overflow | WsFault::Reorder) => out.push(text),
        }
        out.append(&mut self.held);
    }
}

/// A message of a type that no document knows.
const STRANGER: &str = "{\"type\":\"market_weather\",\"sid\":1,\"msg\":{\"outlook\":[\"fair\",1,null]}}\n";

/// The first half of a message.
fn truncated(text: &str) -> String {
    let half = text.len() / 2;
    let end = (0..=half)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

/// The same message with fields that no document knows, in the envelope and in the body.
fn dressed(text: &str) -> String {
    text.strip_suffix("}}\n").map_or_else(
        || text.to_owned(),
        |start| format!("{start},\"x_new_detail\":{{\"a\":[]}}}},\"x_new_field\":\"later\"}}\n"),
    )
}

/// The message without one of the fields of its body that `asyncapi.yaml` requires.
fn stripped(text: &str, draw: u64) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let required = message
        .get("type")
        .and_then(Value::as_str)
        .map_or(&[] as &[&str], required_fields);
    let Some(body) = message.get_mut("msg").and_then(Value::as_object_mut) else {
        return text.to_owned();
    };
    let present: Vec<&&str> = required
        .iter()
        .filter(|field| body.contains_key(**field))
        .collect();
    let Some(field) = u64::try_from(present.len())
        .ok()
        .and_then(|count| draw.checked_rem(count))
        .and_then(|at| usize::try_from(at).ok())
        .and_then(|at| present.get(at).copied())
    else {
        return text.to_owned();
    };
    body.remove(*field);
    format!("{message}\n")
}

/// The required fields of a body, from the schemas of `asyncapi.yaml`, without those that are deprecated.
fn required_fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "orderbook_snapshot" => &["market_ticker", "market_id", "clock"],
        "orderbook_delta" => &[
            "market_ticker",
            "market_id",
            "price_dollars",
            "delta_fp",
            "side",
            "clock",
        ],
        "ticker" => &[
            "market_ticker",
            "price_dollars",
            "yes_bid_dollars",
            "yes_ask_dollars",
            "yes_bid_size_fp",
            "yes_ask_size_fp",
            "volume_fp",
            "open_interest_fp",
            "ts_ms",
        ],
        "trade" => &[
            "trade_id",
            "market_ticker",
            "yes_price_dollars",
            "count_fp",
            "taker_outcome_side",
            "taker_book_side",
            "ts_ms",
        ],
        "fill" => &[
            "trade_id",
            "order_id",
            "market_ticker",
            "is_taker",
            "yes_price_dollars",
            "count_fp",
            "fee_cost",
            "outcome_side",
            "book_side",
            "post_position_fp",
            "ts_ms",
        ],
        "market_position" => &[
            "market_ticker",
            "position_fp",
            "position_cost_dollars",
            "realized_pnl_dollars",
            "fees_paid_dollars",
            "volume_fp",
        ],
        "user_order" => &[
            "order_id",
            "ticker",
            "status",
            "outcome_side",
            "book_side",
            "yes_price_dollars",
            "fill_count_fp",
            "remaining_count_fp",
            "initial_count_fp",
            "taker_fees_dollars",
            "maker_fees_dollars",
            "client_order_id",
            "created_ts_ms",
        ],
        "market_lifecycle_v2" => &["market_ticker", "event_type"],
        "event_lifecycle" => &["event_ticker", "series_ticker", "title"],
        "event_fee_update" => &["event_ticker", "fee_type_override", "fee_multiplier_override"],
        "order_group_updates" => &["event_type", "order_group_id", "ts_ms"],
        _ => &[],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn data(text: &str, fault: Option<WsFault>) -> Outgoing {
        Outgoing {
            text: text.to_owned(),
            nature: Nature::Data(fault),
        }
    }

    fn sent(messages: Vec<Outgoing>) -> (Vec<String>, State) {
        let mut delivery = Delivery::default();
        let mut out = Vec::new();
        delivery.pass(messages, &mut out);
        (out, delivery.state())
    }

    #[test]
    fn each_fault_does_what_it_says_to_the_second_of_three() {
        use WsFault::{Cut, Drop, Duplicate, Gap, Reorder, Silence};
        let by_reset = true;
        for (fault, expected, state) in [
            (Drop, &["a", "c"][..], State::Sound),
            (Duplicate, &["a", "b", "b", "c"][..], State::Sound),
            (Reorder, &["a", "c", "b"][..], State::Sound),
            (Gap(3), &["a", "b", "c"][..], State::Sound),
            (Silence(SECOND), &["a"][..], State::Silent(SECOND)),
            (Cut { by_reset }, &["a"][..], State::Cut { by_reset }),
        ] {
            let (out, end) = sent(vec![data("a", None), data("b", Some(fault)), data("c", None)]);
            assert_eq!(
                (out.as_slice(), end),
                (
                    &expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..],
                    state
                ),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn a_held_message_goes_before_an_answer_and_when_nothing_comes() {
        let reply = Outgoing {
            text: "r".to_owned(),
            nature: Nature::Reply,
        };
        let (out, _) = sent(vec![data("a", Some(WsFault::Reorder)), reply]);
        assert_eq!(out, ["a", "r"]);
        let mut delivery = Delivery::default();
        let mut out = Vec::new();
        delivery.pass(vec![data("a", Some(WsFault::Reorder))], &mut out);
        assert!(out.is_empty());
        delivery.release(&mut out);
        assert_eq!(out, ["a"]);
    }

    #[test]
    fn a_truncated_message_is_no_json() {
        let (out, _) = sent(vec![data(
            "{\"type\":\"x\",\"msg\":{\"é\":1}}\n",
            Some(WsFault::Truncated),
        )]);
        assert!(serde_json::from_str::<Value>(out.first().unwrap()).is_err());
    }

    #[test]
    fn unknown_fields_and_types_leave_the_known_ones_as_they_are() {
        let text = "{\"type\":\"trade\",\"sid\":2,\"seq\":4,\"msg\":{\"count_fp\":\"1.00\"}}\n";
        let (out, _) = sent(vec![data(text, Some(WsFault::UnknownField))]);
        let dressed: Value = serde_json::from_str(out.first().unwrap()).unwrap();
        assert_eq!(dressed.pointer("/msg/count_fp").unwrap(), "1.00");
        assert!(dressed.get("x_new_field").is_some() && dressed.pointer("/msg/x_new_detail").is_some());
        let (out, _) = sent(vec![data(text, Some(WsFault::UnknownType))]);
        assert_eq!(out.get(1).map(String::as_str), Some(text));
        let stranger: Value = serde_json::from_str(out.first().unwrap()).unwrap();
        assert_eq!(stranger.get("type").unwrap(), "market_weather");
    }

    #[test]
    fn a_silence_ends_and_what_was_not_sent_stays_unsent() {
        let mut delivery = Delivery::default();
        let mut out = Vec::new();
        delivery.pass(
            vec![data("a", Some(WsFault::Silence(SECOND))), data("b", None)],
            &mut out,
        );
        delivery.speak();
        delivery.pass(vec![data("c", None)], &mut out);
        assert_eq!(out, ["c"]);
    }

    #[test]
    fn not_even_a_fault_at_every_message_makes_them_wait_for_ever() {
        let mut delivery = Delivery::default();
        let mut out = Vec::new();
        let many = (0..=LARGEST_WAIT).map(|n| data(&n.to_string(), Some(WsFault::Reorder)));
        delivery.pass(many.collect(), &mut out);
        assert_eq!(out.len(), LARGEST_WAIT + 1);
    }

    #[test]
    fn required_fields_go_missing_in_turn() {
        let text = "{\"type\":\"order_group_updates\",\"sid\":2,\"seq\":4,\"msg\":{\"event_type\":\"reset\",\"order_group_id\":\"g\",\"ts_ms\":1}}\n";
        let mut delivery = Delivery::default();
        let mut missing = std::collections::BTreeSet::new();
        for draw in 0..3 {
            let mut out = Vec::new();
            delivery.pass(vec![data(text, Some(WsFault::MissingField(draw)))], &mut out);
            let message: Value = serde_json::from_str(out.first().unwrap()).unwrap();
            let body = message.get("msg").unwrap();
            assert_eq!(body.as_object().unwrap().len(), 2);
            missing.extend(
                ["event_type", "order_group_id", "ts_ms"]
                    .into_iter()
                    .filter(|field| body.get(field).is_none()),
            );
        }
        assert_eq!(missing.len(), 3);
    }
}
