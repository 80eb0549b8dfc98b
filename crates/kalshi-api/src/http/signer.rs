//! Signatures for requests: to which hosts, by which clock, and one kept ready.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autotrader_domain::Monotonic;
use autotrader_domain::ports::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use crate::error::SendError;
use crate::{ClientSettings, Credentials, SetupError, SignedHeaders, SigningHosts};

/// A difference of clocks beyond this is not made up for: closing and check times would be wrong too, so a person must set the
/// clock.
const LARGEST_OFFSET: TimeDelta = TimeDelta::minutes(10);
/// The exchange's `Date` has whole seconds: a smaller change explains no refusal.
const LEAST_CHANGE: TimeDelta = TimeDelta::seconds(1);

/// Makes the headers of signed requests, for allowed hosts only and by the exchange's clock as far as it is known.
///
/// Nothing of keys and signatures is printed. Shared in an `Arc`, so that what one request learns of the clocks holds for all.
#[derive(Debug)]
pub struct Signer {
    credentials: Option<Credentials>,
    hosts: SigningHosts,
    clock: Arc<dyn Clock>,
    /// What to add to this machine's clock, in milliseconds.
    offset_ms: AtomicI64,
    longest_ready: Option<Duration>,
    ready: Mutex<Option<Ready>>,
}

/// A signature made before it is needed. It covers no body, so it fits any request to its path.
#[derive(Debug)]
struct Ready {
    method: String,
    path: String,
    headers: SignedHeaders,
    made_at: Monotonic,
    signed_at: DateTime<Utc>,
    offset_ms: i64,
}

/// What measuring the clocks again brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resync {
    /// The offset changed: a new signature may be accepted.
    Changed,
    /// The clocks agree as before: the refusal has another cause.
    Same,
    /// The clocks differ by more than is made up for.
    TooFar,
}

impl Signer {
    /// A signer with the key, the hosts and the option of a ready signature of some settings.
    #[must_use]
    pub fn new(settings: &ClientSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            credentials: settings.credentials.clone(),
            hosts: settings.signing_hosts,
            clock,
            offset_ms: AtomicI64::new(0),
            longest_ready: settings.ready_signature_max_age,
            ready: Mutex::new(None),
        }
    }

    /// Headers for one request or handshake; the one kept ready when it fits and is fresh. The URL's query is not signed.
    ///
    /// # Errors
    /// [`SetupError::NoSignature`] without a key, for a host that gets no signatures, or when signing fails.
    pub fn sign(&self, method: &str, url: &Url) -> Result<SignedHeaders, SetupError> {
        self.headers(method, url)
            .map_err(|error| SetupError::NoSignature(error.to_string()))
    }

    /// As [`Signer::sign`].
    ///
    /// # Errors
    /// [`SendError::Refused`] without a key or for a host that gets no signatures, [`SendError::NotSent`] when signing fails.
    pub(crate) fn headers(&self, method: &str, url: &Url) -> Result<SignedHeaders, SendError> {
        let credentials = self.allowed(url)?;
        if let Some(ready) = self.take_ready(method, url.path()) {
            return Ok(ready);
        }
        credentials
            .sign(self.now(), method, url.path())
            .map_err(|error| SendError::NotSent(error.to_string()))
    }

    /// Signs one request ahead, unless a signature is there that is younger than half of the largest age; whether one is there
    /// afterwards: `false` without the option.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn prepare(&self, method: &str, url: &Url) -> Result<bool, SetupError> {
        self.make_ready(method, url)
            .map_err(|error| SetupError::NoSignature(error.to_string()))
    }

    fn make_ready(&self, method: &str, url: &Url) -> Result<bool, SendError> {
        let Some(longest) = self.longest_ready else {
            return Ok(false);
        };
        let credentials = self.allowed(url)?;
        if self.is_ready(method, url.path(), longest / 2) {
            return Ok(true);
        }
        // Read before signing, so that a change meanwhile makes the signature unfit.
        let offset_ms = self.offset_ms.load(Ordering::Acquire);
        let (made_at, signed_at) = (self.clock.monotonic(), self.now());
        let headers = credentials
            .sign(signed_at, method, url.path())
            .map_err(|error| SendError::NotSent(error.to_string()))?;
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ready {
            method: method.to_owned(),
            path: url.path().to_owned(),
            headers,
            made_at,
            signed_at,
            offset_ms,
        });
        Ok(true)
    }

    /// Taken out, so that nobody gets it again; unfit ones are dropped.
    fn take_ready(&self, method: &str, path: &str) -> Option<SignedHeaders> {
        let longest = self.longest_ready?;
        let mut slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref()?.method != method || slot.as_ref()?.path != path {
            return None;
        }
        let ready = slot.take()?;
        drop(slot);
        self.is_fresh(&ready, longest).then_some(ready.headers)
    }

    fn is_ready(&self, method: &str, path: &str, longest: Duration) -> bool {
        let slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_some_and(|ready| {
            ready.method == method && ready.path == path && self.is_fresh(ready, longest)
        })
    }

    /// By both clocks: the wall clock may have been set, and the monotonic one may have slept.
    fn is_fresh(&self, ready: &Ready, longest: Duration) -> bool {
        let by_wall = self.now().signed_duration_since(ready.signed_at).abs().to_std();
        ready.offset_ms == self.offset_ms.load(Ordering::Acquire)
            && self.clock.monotonic().since(ready.made_at) <= longest
            && by_wall.is_ok_and(|age| age <= longest)
    }

    fn allowed(&self, url: &Url) -> Result<&Credentials, SendError> {
        let credentials = self.credentials.as_ref().ok_or_else(|| {
            SendError::Refused(
                "no API key is configured; set `kalshi.api_key_id` and `kalshi.private_key_path`".to_owned(),
            )
        })?;
        self.hosts.check(url).map_err(SendError::Refused)?;
        Ok(credentials)
    }

    pub(crate) const fn has_key(&self) -> bool {
        self.credentials.is_some()
    }

    /// The largest age of a ready signature; `None` without the option.
    pub(crate) const fn longest_ready(&self) -> Option<Duration> {
        self.longest_ready
    }

    /// The exchange's time, as far as known.
    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        now.checked_add_signed(self.offset()).unwrap_or(now)
    }

    /// What is added to this machine's clock: the exchange's time less this machine's, as last measured.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.offset_ms.load(Ordering::Acquire))
    }

    /// Measures the offset from the `Date` of an answer that took `round_trip` and has just come.
    ///
    /// The date has whole seconds, so half a second is added, and half the round trip lies between it and now: right to about
    /// a second.
    pub(crate) fn resync(&self, date: DateTime<Utc>, round_trip: Duration) -> Resync {
        let half_way = TimeDelta::from_std(round_trip / 2).unwrap_or(TimeDelta::zero());
        let here = self.clock.now() - half_way;
        let measured = (date + TimeDelta::milliseconds(500)).signed_duration_since(here);
        let before = self.offset();
        if measured.abs() > LARGEST_OFFSET {
            tracing::error!(
                event = "kalshi_clock_wrong",
                offset_ms = measured.num_milliseconds(),
                "this machine's clock is too far from the exchange's; set it"
            );
            return Resync::TooFar;
        }
        if (measured - before).abs() < LEAST_CHANGE {
            return Resync::Same;
        }
        self.offset_ms
            .store(measured.num_milliseconds(), Ordering::Release);
        tracing::warn!(
            event = "kalshi_clock_resynced",
            offset_ms = measured.num_milliseconds(),
            before_ms = before.num_milliseconds(),
            "signatures follow the exchange's clock; check this machine's"
        );
        Resync::Changed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use autotrader_domain::{Environment, ManualClock};
    use ring::rand::SystemRandom;
    use ring::signature::Ed25519KeyPair;

    use super::*;

    const ORDERS: &str = "http://127.0.0.1:1/trade-api/v2/portfolio/events/orders";

    fn signer(longest: Option<Duration>) -> (Arc<ManualClock>, Signer) {
        use base64::Engine as _;
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let clock = Arc::new(ManualClock::new(start()));
        let mut settings = ClientSettings::new("http://127.0.0.1:1/trade-api/v2", Environment::Demo).unwrap();
        settings.credentials = Some(Credentials::from_pem("id", pem.as_bytes()).unwrap());
        settings.ready_signature_max_age = longest;
        (Arc::clone(&clock), Signer::new(&settings, clock))
    }

    fn start() -> DateTime<Utc> {
        "2026-11-22T15:00:00Z".parse().unwrap()
    }

    fn later(millis: i64) -> DateTime<Utc> {
        start() + TimeDelta::milliseconds(millis)
    }

    fn timestamp(signer: &Signer, method: &str) -> String {
        let url = Url::parse(ORDERS).unwrap();
        signer.headers(method, &url).unwrap().timestamp_ms
    }

    fn text(at: DateTime<Utc>) -> String {
        at.timestamp_millis().to_string()
    }

    #[test]
    fn a_ready_signature_is_used_once_for_its_own_request_while_fresh() {
        let (clock, signer) = signer(Some(Duration::from_secs(5)));
        let url = Url::parse(ORDERS).unwrap();
        assert_eq!(signer.prepare("POST", &url), Ok(true));
        clock.advance_to(later(1000));
        assert_eq!(timestamp(&signer, "DELETE"), text(later(1000)), "another method");
        assert_eq!(timestamp(&signer, "POST"), text(start()));
        assert_eq!(timestamp(&signer, "POST"), text(later(1000)), "used once");

        assert_eq!(signer.prepare("POST", &url), Ok(true));
        clock.advance_to(later(6000));
        assert_eq!(timestamp(&signer, "POST"), text(later(1000)), "five seconds old");
        assert_eq!(signer.prepare("POST", &url), Ok(true));
        clock.advance_to(later(11_001));
        assert_eq!(timestamp(&signer, "POST"), text(later(11_001)), "too old");
    }

    #[test]
    fn preparing_again_renews_at_half_the_age() {
        let (clock, signer) = signer(Some(Duration::from_secs(4)));
        let url = Url::parse(ORDERS).unwrap();
        for (millis, signed) in [(0, 0), (2000, 0), (2001, 2001)] {
            clock.advance_to(later(millis));
            signer.prepare("POST", &url).unwrap();
            let slot = signer.ready.lock().unwrap();
            assert_eq!(slot.as_ref().unwrap().headers.timestamp_ms, text(later(signed)));
        }
    }

    #[test]
    fn without_the_option_nothing_is_prepared() {
        let (_, signer) = signer(None);
        assert_eq!(signer.prepare("POST", &Url::parse(ORDERS).unwrap()), Ok(false));
        assert!(signer.ready.lock().unwrap().is_none());
    }

    #[test]
    fn a_ready_signature_is_dropped_when_the_clocks_are_measured_anew() {
        let (_, signer) = signer(Some(Duration::from_secs(5)));
        signer.prepare("POST", &Url::parse(ORDERS).unwrap()).unwrap();
        assert_eq!(signer.resync(later(30_000), Duration::ZERO), Resync::Changed);
        assert_eq!(timestamp(&signer, "POST"), text(later(30_500)));
    }

    #[test]
    fn concurrent_takers_never_share_one() {
        let (_, signer) = signer(Some(Duration::from_secs(5)));
        let url = Url::parse(ORDERS).unwrap();
        for _ in 0..200 {
            signer.prepare("POST", &url).unwrap();
            let taken: Vec<bool> = std::thread::scope(|scope| {
                let take = || signer.take_ready("POST", url.path()).is_some();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
        }
    }

    #[test]
    fn prepared_requests_and_others_never_repeat_a_signature_of_rsa() {
        // PSS is randomised: equal texts give different signatures unless one was used twice.
        use rsa::pkcs8::{EncodePrivateKey, LineEnding};
        use rsa::rand_core::SeedableRng as _;
        let key = rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(5), 2048).unwrap();
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let (_, mut signer) = signer(Some(Duration::from_secs(5)));
        signer.credentials = Some(Credentials::from_pem("id", pem.as_bytes()).unwrap());
        let url = Url::parse(ORDERS).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..5 {
            signer.prepare("POST", &url).unwrap();
            for _ in 0..2 {
                assert!(seen.insert(signer.headers("POST", &url).unwrap().signature));
            }
        }
    }

    #[test]
    fn the_offset_follows_the_date_half_the_round_trip_ago() {
        let (clock, signer) = signer(None);
        assert_eq!(
            signer.resync(later(0), Duration::from_secs(1)),
            Resync::Changed,
            "+1.0 s"
        );
        assert_eq!(signer.offset(), TimeDelta::seconds(1));
        assert_eq!(signer.resync(later(0), Duration::ZERO), Resync::Same, "+0.5 s");
        assert_eq!(signer.offset(), TimeDelta::seconds(1));
        assert_eq!(signer.resync(later(-300_500), Duration::ZERO), Resync::Changed);
        assert_eq!(timestamp(&signer, "GET"), text(later(-300_000)));
        clock.advance_to(later(7000));
        assert_eq!(timestamp(&signer, "GET"), text(later(-293_000)), "it goes on");
        assert_eq!(signer.resync(later(700_000), Duration::ZERO), Resync::TooFar);
        assert_eq!(
            signer.offset(),
            TimeDelta::seconds(-300),
            "a person must set the clock"
        );
    }
}
