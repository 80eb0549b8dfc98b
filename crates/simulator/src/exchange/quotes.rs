//! What a market's best quotes and open interest were, minute by minute, for candlesticks.

use autotrader_domain::{Contracts, Price};
use chrono::{DateTime, TimeDelta, Utc};

/// Seconds in a minute.
const MINUTE: i64 = 60;

/// Open, high, low and close of a price, in the domain's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    open: u16,
    high: u16,
    low: u16,
    close: u16,
}

impl Range {
    const fn at(price: u16) -> Self {
        Self {
            open: price,
            high: price,
            low: price,
            close: price,
        }
    }

    fn see(&mut self, price: u16) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }

    /// This range and a later one as one.
    fn then(self, later: Self) -> Self {
        Self {
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            close: later.close,
        }
    }
}

/// A minute in which a quote or the open interest changed.
#[derive(Debug, Clone, Copy)]
struct Minute {
    /// The minute's end in minutes since 1970; the end belongs to it, its start does not.
    end: i64,
    bid: Range,
    ask: Range,
    open_interest: i64,
}

/// How things are at one moment.
#[derive(Debug, Clone, Copy)]
struct Noted {
    at: DateTime<Utc>,
    bid: u16,
    ask: u16,
    open_interest: i64,
}

/// The minutes of a market in which something changed, oldest first.
///
/// Of several changes at one moment the last counts: a quote that is replaced in the same instant was never seen missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct QuoteHistory {
    minutes: Vec<Minute>,
    latest: Option<Noted>,
}

/// Open, high, low and close of a price within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceSpan {
    /// At its start.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// At its end.
    pub close: Price,
}

/// The quotes of one period in which something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteSpan {
    /// Its end, which belongs to it.
    pub end: DateTime<Utc>,
    /// The best bid; zero stands for none.
    pub bid: PriceSpan,
    /// The best ask; one dollar stands for none.
    pub ask: PriceSpan,
    /// Pairs of contracts open at its end.
    pub open_interest: Contracts,
}

fn small(price: Price) -> u16 {
    u16::try_from(price.raw()).unwrap_or(u16::MAX)
}

fn span(range: Range) -> PriceSpan {
    let price = |raw: u16| Price::from_raw(i64::from(raw)).unwrap_or(Price::ONE);
    PriceSpan {
        open: price(range.open),
        high: price(range.high),
        low: price(range.low),
        close: price(range.close),
    }
}

/// The end of the period of so many minutes that contains a time, in minutes since 1970.
const fn period_end(seconds: i64, has_fraction: bool, minutes: i64) -> i64 {
    let seconds = if has_fraction { seconds + 1 } else { seconds };
    let length = minutes * MINUTE;
    let periods = seconds.div_euclid(length) + if seconds.rem_euclid(length) == 0 { 0 } else { 1 };
    periods * minutes
}

/// The end of the period of so many minutes, aligned to 1970, that contains a time; a period's end belongs to it.
#[must_use]
pub fn candle_end(at: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    let end = period_end(at.timestamp(), at.timestamp_subsec_nanos() > 0, minutes.max(1));
    DateTime::UNIX_EPOCH + TimeDelta::minutes(end)
}

fn see(minutes: &mut Vec<Minute>, noted: Noted) {
    let Noted {
        at,
        bid,
        ask,
        open_interest,
    } = noted;
    let end = period_end(at.timestamp(), at.timestamp_subsec_nanos() > 0, 1);
    let Some(last) = minutes.last_mut() else {
        minutes.push(Minute {
            end,
            bid: Range::at(bid),
            ask: Range::at(ask),
            open_interest,
        });
        return;
    };
    if last.end >= end {
        last.bid.see(bid);
        last.ask.see(ask);
        last.open_interest = open_interest;
        return;
    }
    if (last.bid.close, last.ask.close, last.open_interest) == (bid, ask, open_interest) {
        return;
    }
    let mut minute = Minute {
        end,
        bid: Range::at(last.bid.close),
        ask: Range::at(last.ask.close),
        open_interest,
    };
    minute.bid.see(bid);
    minute.ask.see(ask);
    minutes.push(minute);
}

impl QuoteHistory {
    /// Notes how things are at a time; nothing is kept when nothing changed.
    pub(crate) fn note(&mut self, at: DateTime<Utc>, bid: Price, ask: Price, open_interest: Contracts) {
        let noted = Noted {
            at,
            bid: small(bid),
            ask: small(ask),
            open_interest: open_interest.raw(),
        };
        if let Some(before) = self.latest.replace(noted).filter(|before| before.at < at) {
            see(&mut self.minutes, before);
        }
    }

    /// The quotes by periods of so many minutes, those in which something changed.
    pub(crate) fn spans(&self, minutes: i64) -> Vec<QuoteSpan> {
        let minutes = minutes.max(1);
        let mut periods: Vec<Minute> = Vec::new();
        // What was noted last is not among the minutes yet; it belongs to the last of them or to a new one.
        let mut recent: Vec<Minute> = self.minutes.last().copied().into_iter().collect();
        if let Some(latest) = self.latest {
            see(&mut recent, latest);
        }
        let older = self.minutes.iter().rev().skip(1).rev();
        for minute in older.chain(&recent) {
            let end = period_end(minute.end * MINUTE, false, minutes);
            match periods.last_mut() {
                Some(last) if last.end == end => {
                    last.bid = last.bid.then(minute.bid);
                    last.ask = last.ask.then(minute.ask);
                    last.open_interest = minute.open_interest;
                }
                _ => periods.push(Minute { end, ..*minute }),
            }
        }
        periods
            .into_iter()
            .map(|period| QuoteSpan {
                end: DateTime::UNIX_EPOCH + TimeDelta::minutes(period.end),
                bid: span(period.bid),
                ask: span(period.ask),
                open_interest: Contracts::from_raw(period.open_interest).unwrap_or(Contracts::ZERO),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn history(notes: &[(i64, &str, &str)]) -> QuoteHistory {
        let mut history = QuoteHistory::default();
        for (seconds, bid, ask) in notes {
            history.note(at(*seconds), p(bid), p(ask), Contracts::ZERO);
        }
        history
    }

    fn bids(spans: &[QuoteSpan]) -> Vec<(i64, String)> {
        spans
            .iter()
            .map(|span| {
                let PriceSpan {
                    open,
                    high,
                    low,
                    close,
                } = span.bid;
                (span.end.timestamp(), format!("{open} {high} {low} {close}"))
            })
            .collect()
    }

    #[test]
    fn a_period_opens_where_the_last_one_closed() {
        let history = history(&[
            (10, "0.40", "0.60"),
            (20, "0.45", "0.60"),
            (60, "0.42", "0.60"),
            (61, "0.50", "0.60"),
        ]);
        assert_eq!(
            bids(&history.spans(1)),
            [
                (60, "0.4000 0.4500 0.4000 0.4200".to_owned()),
                (120, "0.4200 0.5000 0.4200 0.5000".to_owned()),
            ]
        );
    }

    #[test]
    fn longer_periods_are_made_of_minutes() {
        let history = history(&[
            (30, "0.40", "0.60"),
            (3_500, "0.30", "0.60"),
            (3_600, "0.35", "0.60"),
            (3_601, "0.36", "0.60"),
        ]);
        assert_eq!(
            bids(&history.spans(60)),
            [
                (3_600, "0.4000 0.4000 0.3000 0.3500".to_owned()),
                (7_200, "0.3500 0.3600 0.3500 0.3600".to_owned()),
            ]
        );
        assert_eq!(history.spans(1_440).len(), 1);
    }

    #[test]
    fn quiet_minutes_are_not_kept() {
        let history = history(&[(30, "0.40", "0.60"), (300, "0.40", "0.60"), (600, "0.41", "0.60")]);
        assert_eq!(history.spans(1).len(), 2);
    }

    #[test]
    fn a_quote_replaced_in_the_same_instant_was_never_missing() {
        let history = history(&[
            (10, "0.40", "0.60"),
            (70, "0.00", "1.00"),
            (70, "0.41", "0.60"),
            (80, "0.42", "0.60"),
        ]);
        assert_eq!(
            bids(&history.spans(1)),
            [
                (60, "0.4000 0.4000 0.4000 0.4000".to_owned()),
                (120, "0.4000 0.4200 0.4000 0.4200".to_owned()),
            ]
        );
    }

    #[test]
    fn the_end_of_a_period_belongs_to_it() {
        for (millis, minutes, end) in [
            (60_000, 1, 60),
            (60_001, 1, 120),
            (59_999, 1, 60),
            (1, 60, 3_600),
            (3_600_000, 60, 3_600),
        ] {
            let time = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
            assert_eq!(candle_end(time, minutes).timestamp(), end, "{millis} ms");
        }
    }
}
