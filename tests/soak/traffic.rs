//! Orders of ours, many at a time, and what we believe became of each.

use autotrader_kalshi_api::OrderOptions;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::{CancelOutcome, OrderGateway as _, PlaceOutcome};
use autotrader_domain::{BookSide, ClientOrderId, OrderRequest, Ticker, TimeInForce, VenueOrderId};
use autotrader_kalshi_api::KalshiClient;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::world::{cents, contracts};

/// What we know of an order when its create has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belief {
    /// It is there, under this id.
    Accepted(VenueOrderId),
    /// It is certainly not there.
    Absent,
    /// It may be there.
    Unknown,
}

/// What all workers share.
#[derive(Debug, Default)]
pub struct Ledger {
    pub beliefs: Mutex<BTreeMap<String, Belief>>,
    /// Orders that were asked for.
    pub asked: AtomicU64,
    /// Orders that may be asked for so far: they are spread over the whole run.
    pub allowed: AtomicU64,
    pub outcomes: Mutex<BTreeMap<&'static str, u64>>,
    /// Orders whose cancel was acknowledged.
    pub canceled: Mutex<Vec<VenueOrderId>>,
    pub stop: AtomicBool,
}

impl Ledger {
    pub fn count(&self, what: &'static str) {
        *self.outcomes.lock().unwrap().entry(what).or_default() += 1;
    }
}

/// Places, cancels, reads and now and then repeats orders until it is told to stop.
pub async fn worker(client: Arc<KalshiClient>, ledger: Arc<Ledger>, tickers: Vec<Ticker>, number: u64) {
    let mut random = StdRng::seed_from_u64(1_000 + number);
    let mut resting: Vec<(Ticker, VenueOrderId)> = Vec::new();
    let mut serial = 0_u64;
    while !ledger.stop.load(Ordering::Relaxed) {
        if ledger.asked.load(Ordering::Relaxed) >= ledger.allowed.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        serial += 1;
        let ticker = tickers[random.gen_range(0..tickers.len())].clone();
        let request = request(&mut random, &ticker, &format!("soak-{number}-{serial}"));
        ledger.asked.fetch_add(1, Ordering::Relaxed);
        let outcome = client
            .place_with(&request, &OrderOptions::default())
            .await
            .outcome;
        note(&ledger, &request, &outcome);
        if let PlaceOutcome::Accepted {
            venue_order_id,
            remaining,
            ..
        } = outcome
            && !remaining.is_zero()
        {
            resting.push((ticker, venue_order_id));
        }
        if resting.len() > 8 || random.gen_bool(0.4) && !resting.is_empty() {
            let (ticker, id) = resting.swap_remove(random.gen_range(0..resting.len()));
            let outcome = client.cancel(&ticker, &id).await.outcome;
            if matches!(outcome, CancelOutcome::Canceled { .. }) {
                ledger.canceled.lock().unwrap().push(id);
            }
            ledger.count(match outcome {
                CancelOutcome::Canceled { .. } => "cancelled",
                CancelOutcome::NotOnBook => "cancel found nothing",
                CancelOutcome::Refused { .. } => "cancel refused",
                CancelOutcome::Unknown { .. } => "cancel unknown",
            });
        }
        if let Some((_, id)) = resting.last().filter(|_| random.gen_bool(0.3)) {
            ledger.count(match client.account_order(id).await {
                Ok(_) => "order read",
                Err(_) => "order not read",
            });
        }
        if random.gen_bool(0.02) {
            // The exchange remembers ids for ever, unless a fault lets it forget; then the id stands for two orders.
            let again = client
                .place_with(&request, &OrderOptions::default())
                .await
                .outcome;
            ledger.count(match again {
                PlaceOutcome::Accepted { .. } => "repeat accepted",
                PlaceOutcome::Rejected { .. } => "repeat refused",
                _ => "repeat unknown",
            });
            if !matches!(
                again,
                PlaceOutcome::Rejected { .. } | PlaceOutcome::NotSent { .. }
            ) {
                let mut beliefs = ledger.beliefs.lock().unwrap();
                beliefs.insert(request.client_order_id.to_string(), Belief::Unknown);
            }
        }
    }
}

fn request(random: &mut StdRng, ticker: &Ticker, id: &str) -> OrderRequest {
    let buys = random.gen_bool(0.5);
    let takes = random.gen_bool(0.3);
    let (side, limit) = match (buys, takes) {
        (true, true) => (BookSide::Bid, 70),
        (false, true) => (BookSide::Ask, 30),
        (true, false) => (BookSide::Bid, random.gen_range(2..20)),
        (false, false) => (BookSide::Ask, random.gen_range(80..98)),
    };
    let time_in_force = if takes {
        TimeInForce::ImmediateOrCancel
    } else {
        TimeInForce::GoodTillCanceled { expires_at: None }
    };
    OrderRequest {
        client_order_id: id.parse::<ClientOrderId>().unwrap(),
        ticker: ticker.clone(),
        side,
        contracts: contracts(random.gen_range(1..500)),
        limit: cents(limit),
        time_in_force,
        reduce_only: false,
        post_only: false,
        exchange_index: 0,
        order_group: None,
    }
}

fn note(ledger: &Ledger, request: &OrderRequest, outcome: &PlaceOutcome) {
    let (belief, word) = match outcome {
        PlaceOutcome::Accepted { venue_order_id, .. } => {
            (Belief::Accepted(venue_order_id.clone()), "accepted")
        }
        PlaceOutcome::Rejected { .. } => (Belief::Absent, "refused"),
        PlaceOutcome::NotSent { .. } => (Belief::Absent, "not sent"),
        PlaceOutcome::Unknown { .. } => (Belief::Unknown, "unknown"),
    };
    ledger.count(word);
    let mut beliefs = ledger.beliefs.lock().unwrap();
    beliefs.insert(request.client_order_id.to_string(), belief);
}
