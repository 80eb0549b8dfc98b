//! What tells one answer of the site from a cached copy of it: when the site made it.
//!
//! An entity tag does not tell: an unchanged page keeps its tag however often the site is asked, and then a board
//! could never be confirmed by a second answer. The time of generation does: a cache repeats it, a new answer (or a
//! new confirmation that nothing changed) has its own.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AGE, DATE, ETAG, HeaderMap};

/// Times of generation closer than this are one when a cache gave the answer: its `Age` is in whole seconds and its
/// clock is not the site's.
const CACHE_JITTER: TimeDelta = TimeDelta::seconds(5);

/// Longest text taken over from a header, in bytes.
const LONGEST: usize = 200;

/// The origin of an answer and, when the headers give it, the time at which the site made it.
///
/// `previously` is the time of generation of the last answer of the same address.
pub(super) fn of(
    headers: &HeaderMap,
    received_at: DateTime<Utc>,
    previously: Option<DateTime<Utc>>,
) -> (String, Option<DateTime<Utc>>) {
    let Some(date) = date(headers) else {
        return (undated(headers, received_at), None);
    };
    let age = age(headers);
    let generated = generated(date, age, received_at);
    let generated = match previously {
        Some(previous) if age.is_some() && (generated - previous).abs() <= CACHE_JITTER => previous,
        _ => generated,
    };
    (
        format!("date:{}", generated.format("%Y-%m-%dT%H:%M:%SZ")),
        Some(generated),
    )
}

/// When the site made an answer.
///
/// Some caches pass the site's `Date` on, others write their own: of `Date` and `Date` minus `Age` the one that lies
/// nearer to the time of reception minus `Age` is meant.
fn generated(date: DateTime<Utc>, age: Option<TimeDelta>, received_at: DateTime<Utc>) -> DateTime<Utc> {
    let Some(age) = age else { return date };
    let (Some(less_age), Some(expected)) =
        (date.checked_sub_signed(age), received_at.checked_sub_signed(age))
    else {
        return date;
    };
    if (date - expected).abs() <= (less_age - expected).abs() {
        date
    } else {
        less_age
    }
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.with_timezone(&Utc))
}

/// The time the answer spent in caches; `None` when it did not.
fn age(headers: &HeaderMap) -> Option<TimeDelta> {
    let seconds: u32 = headers.get(AGE)?.to_str().ok()?.trim().parse().ok()?;
    (seconds > 0).then(|| TimeDelta::seconds(i64::from(seconds)))
}

/// Without a date: the entity tag if there is one, so that a copy is not taken for a second answer; else each answer
/// counts for itself.
fn undated(headers: &HeaderMap, received_at: DateTime<Utc>) -> String {
    let etag = headers.get(ETAG).and_then(|value| value.to_str().ok());
    match etag {
        Some(etag) if etag.len() <= LONGEST => format!("etag:{etag}"),
        _ => format!("received:{}", received_at.timestamp_micros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    fn at(second: i64) -> DateTime<Utc> {
        "2026-05-07T18:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
    }

    fn headers(date: Option<i64>, age: Option<&str>, etag: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(second) = date {
            let text = at(second).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            headers.insert(DATE, HeaderValue::from_str(&text).unwrap());
        }
        for (name, text) in [(AGE, age), (ETAG, etag)] {
            if let Some(text) = text {
                headers.insert(name, HeaderValue::from_str(text).unwrap());
            }
        }
        headers
    }

    #[rstest]
    #[case::not_cached(100, None, 100)]
    #[case::age_zero(100, Some("0"), 100)]
    #[case::cache_writes_its_own_date(100, Some("40"), 60)]
    #[case::cache_passes_the_date_on(60, Some("40"), 60)]
    #[case::age_unreadable(100, Some("-3"), 100)]
    #[case::age_absurd(100, Some("99999999999999999999"), 100)]
    fn the_origin_is_the_time_of_generation(
        #[case] date: i64,
        #[case] age: Option<&str>,
        #[case] generated: i64,
    ) {
        let (origin, found) = of(&headers(Some(date), age, Some("\"x\"")), at(100), None);
        assert_eq!(found, Some(at(generated)));
        assert_eq!(
            origin,
            of(&headers(Some(generated), None, None), at(generated), None).0
        );
    }

    #[test]
    fn a_cached_copy_keeps_its_origin_while_its_age_jitters() {
        let (first, mut known) = of(&headers(Some(0), None, None), at(0), None);
        for (second, age) in [(30, "29"), (60, "61"), (90, "90"), (120, "119")] {
            let (origin, generated) = of(&headers(Some(second), Some(age), None), at(second), known);
            assert_eq!(origin, first, "after {second} s");
            known = generated;
        }
    }

    #[test]
    fn a_new_answer_with_the_same_tag_has_its_own_origin() {
        let (first, known) = of(&headers(Some(0), None, Some("\"x\"")), at(0), None);
        let (second, _) = of(&headers(Some(1), None, Some("\"x\"")), at(1), known);
        assert_ne!(first, second);
    }

    #[rstest]
    #[case::tagged(Some("\"x\""), true)]
    #[case::untagged(None, false)]
    fn without_a_date_only_a_tag_tells_a_copy(#[case] etag: Option<&str>, #[case] same: bool) {
        let first = of(&headers(None, None, etag), at(0), None).0;
        let second = of(&headers(None, None, etag), at(30), None).0;
        assert_eq!(first == second, same);
    }
}
