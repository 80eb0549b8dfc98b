//! Page bytes over HTTP to accepted boards: source, reader and vintage rules together, on the captured pages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod boards;

use std::io::Read;
use std::sync::Arc;

use autotrader_arena_signals::{
    GateSettings, HttpSource, HttpSourceSettings, PageReader, VintageKeeper, VintageSettings,
};
use autotrader_domain::ports::{BoardReader, Clock, LeaderboardSource, SignalSource};
use autotrader_domain::{ChallengeKind, ManualClock, Observation, Reading, ReadingOutcome};
use boards::shared;
use chrono::{DateTime, TimeDelta, Utc};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const REAL: &str = "arena/pages/2026-05-overall-no-style-control.html.gz";

/// A site whose page can be exchanged, and everything that reads it.
struct Feed {
    server: MockServer,
    clock: Arc<ManualClock>,
    source: HttpSource,
    reader: PageReader,
    keeper: VintageKeeper,
}

fn start() -> DateTime<Utc> {
    "2026-05-07T20:00:00Z".parse().unwrap()
}

impl Feed {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::new(start()));
        let address = format!("{}/leaderboard/text/overall-no-style-control", server.uri());
        let settings = HttpSourceSettings::default();
        let source = HttpSource::new(&address, &[], settings, clock.clone()).unwrap();
        Self {
            server,
            clock,
            source,
            reader: PageReader::new(GateSettings::default()),
            keeper: VintageKeeper::new(VintageSettings::default()),
        }
    }

    /// Serves a compressed page with a status, as the site would at `second`.
    async fn serve(&self, status: u16, packed: Vec<u8>) {
        self.server.reset().await;
        Mock::given(any())
            .respond_with(move |_: &wiremock::Request| {
                ResponseTemplate::new(status)
                    .insert_header("content-encoding", "gzip")
                    .set_body_raw(packed.clone(), "text/html; charset=utf-8")
            })
            .mount(&self.server)
            .await;
    }

    /// Polls at a second, as an answer of its own.
    async fn poll(&mut self, second: i64) -> (Reading, Observation) {
        self.clock.advance_to(start() + TimeDelta::seconds(second));
        let mut answer = self.source.fetch().await;
        if let Ok(page) = &mut answer {
            // The stand-in dates its answers by the machine's clock, the test by its own.
            page.origin = format!("second {second}");
        }
        let reading = self.reader.read(answer, self.clock.now());
        let seen = self.keeper.observe(&reading);
        (reading, seen)
    }

    async fn poll_page(&mut self, second: i64, page: &str) -> (Reading, Observation) {
        self.serve(200, gzip(page.as_bytes())).await;
        self.poll(second).await
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::fast())
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

fn text(path: &str) -> Option<String> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&shared(path)?[..])
        .read_to_string(&mut text)
        .unwrap();
    Some(text)
}

fn verdict(reading: &Reading) -> String {
    match &reading.outcome {
        ReadingOutcome::Failed { code, .. } => code.clone(),
        ReadingOutcome::Page { page, .. } => {
            let codes: Vec<_> = page.reasons.iter().map(|reason| reason.code.as_str()).collect();
            format!("{:?} {}", page.verdict, codes.join(","))
                .trim_end()
                .to_owned()
        }
    }
}

#[tokio::test]
async fn the_real_page_is_accepted_once_and_recognised_after() {
    let Some(packed) = shared(REAL) else { return };
    let mut feed = Feed::new().await;
    feed.serve(200, packed).await;
    let (reading, seen) = feed.poll(0).await;
    assert_eq!(verdict(&reading), "Tradable");
    assert_eq!(reading.bytes, 2_457_537);
    assert_eq!(seen.accepted.unwrap().board.entries.len(), 357);
    for poll in 1..4 {
        let (reading, seen) = feed.poll(30 * poll).await;
        assert!(matches!(
            reading.outcome,
            ReadingOutcome::Page { unchanged: true, .. }
        ));
        assert_eq!(seen, Observation::default());
    }
    assert_eq!(
        feed.keeper.standing().feed_at,
        Some(start() + TimeDelta::seconds(90))
    );
}

#[tokio::test]
async fn pages_that_are_not_the_board_leave_the_accepted_one() {
    let (Some(real), Some(coding), Some(table), Some(blocked)) = (
        text(REAL),
        text("arena/pages/2026-05-coding-no-style-control.html.gz"),
        text("arena/pages/reconstructed-2026-05-table-only.html.gz"),
        text("arena/pages/reconstructed-cloudflare-403-blocked.html.gz"),
    ) else {
        return;
    };
    let mut feed = Feed::new().await;
    feed.poll_page(0, &real).await;
    let accepted = feed.keeper.standing().clone();
    let mut told = Vec::new();
    for (poll, page) in (1..).zip([&coding, &table]) {
        let (reading, seen) = feed.poll_page(30 * poll, page).await;
        told.push((verdict(&reading), seen.alerts[0].name.clone()));
    }
    feed.serve(403, gzip(blocked.as_bytes())).await;
    let (reading, seen) = feed.poll(90).await;
    told.push((verdict(&reading), seen.alerts[0].name.clone()));
    feed.serve(500, gzip(b"")).await;
    told.push((verdict(&feed.poll(120).await.0), String::new()));
    let expected = [
        ("Refused wrong_category", "leaderboard_refused"),
        ("DisplayOnly rounded_scores", "leaderboard_display_only"),
        ("Refused blocked", "leaderboard_refused"),
        ("http_status", ""),
    ];
    for ((seen, alert), (verdict, name)) in told.iter().zip(expected) {
        assert!(seen.starts_with(verdict), "{told:#?}");
        assert_eq!(alert, name, "{told:#?}");
    }
    assert_eq!(feed.keeper.standing(), &accepted);
}

#[tokio::test]
async fn a_refresh_of_the_real_page_passes_the_rules() {
    let Some(real) = text(REAL) else { return };
    let mut feed = Feed::new().await;
    feed.poll_page(0, &real).await;
    let leader = "claude-opus-4-6-thinking";
    // The same entries a day later are a younger board.
    let later = real.replace("2026-05-07T14:00:00.000Z", "2026-05-07T17:00:00.000Z");
    assert_ne!(later, real);
    let (_, seen) = feed.poll_page(30, &later).await;
    assert_eq!((seen.accepted.is_some(), seen.signals.len()), (true, 0));
    // The older page flaps back and goes again.
    let (_, seen) = feed.poll_page(60, &real).await;
    assert!(seen.accepted.is_none(), "the same entries, whatever their stamp");
    // The leader under another name is a certain rename.
    let renamed = real
        .replace("2026-05-07T14:00:00.000Z", "2026-05-07T19:00:00.000Z")
        .replace(&format!("{leader}\\\""), "claude-opus-4-6-high\\\"")
        .replace(&format!("{leader}\""), "claude-opus-4-6-high\"")
        .replace(&format!("{leader}<"), "claude-opus-4-6-high<");
    let (reading, seen) = feed.poll_page(90, &renamed).await;
    assert_eq!(verdict(&reading), "Tradable", "{reading:?}");
    assert_eq!(
        seen.signals.iter().map(|s| s.kind()).collect::<Vec<_>>(),
        ["model_renamed"]
    );
    assert_eq!(feed.keeper.standing().renames.len(), 1);
    // An older vintage with other entries is a challenge.
    let (_, seen) = feed.poll_page(120, &later).await;
    assert!(seen.accepted.is_none() && seen.challenge_changed);
    let challenge = feed.keeper.standing().challenge.as_ref().unwrap();
    assert_eq!(challenge.kind, ChallengeKind::OlderVintage);
}
