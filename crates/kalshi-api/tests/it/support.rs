//! A client with a key made for the tests, and a stand-in server that checks signatures.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use autotrader_domain::{Environment, ManualClock};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Credentials, KalshiClient, RateLimits, SeededJitter, Sleeper,
    install_tls_provider,
};
use base64::Engine as _;
use chrono::{DateTime, Utc};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::SeedableRng as _;
use wiremock::{Match, MockServer, Request};

pub const KEY_ID: &str = "0b6d2c1e-0000-4000-8000-000000000001";
pub const ROOT: &str = "/trade-api/v2";

struct TestKey {
    pem: String,
    public_der: Vec<u8>,
}

fn test_key() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(42), 2048).unwrap();
        TestKey {
            pem: key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(),
            public_der: key.to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec(),
        }
    })
}

/// The text of the key made for the tests.
#[allow(dead_code, reason = "only the test of secrets looks for it")]
pub fn private_pem() -> &'static str {
    &test_key().pem
}

pub fn credentials() -> Credentials {
    Credentials::from_pem(KEY_ID, test_key().pem.as_bytes()).unwrap()
}

/// Whether this is the test key's signature, in Base64, over this text.
pub fn verifies(text: &str, signature: &str) -> bool {
    let signature = base64::engine::general_purpose::STANDARD.decode(signature);
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &test_key().public_der);
    signature.is_ok_and(|signature| key.verify(text.as_bytes(), &signature).is_ok())
}

/// Notes how long it was asked to wait and returns at once.
#[derive(Debug, Default)]
pub struct NotedSleeper(pub Mutex<Vec<Duration>>);

#[async_trait]
impl Sleeper for NotedSleeper {
    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

pub fn now() -> DateTime<Utc> {
    "2026-11-22T15:00:00.250Z".parse().unwrap()
}

pub struct Bench {
    pub client: KalshiClient,
    pub sleeper: Arc<NotedSleeper>,
}

impl Bench {
    pub fn waits(&self) -> usize {
        self.sleeper.0.lock().unwrap().len()
    }
}

pub fn settings(origin: &str) -> ClientSettings {
    let mut settings = ClientSettings::new(&format!("{origin}{ROOT}"), Environment::Demo).unwrap();
    settings.credentials = Some(credentials());
    settings.limits = RateLimits::UNLIMITED;
    settings
}

pub fn bench(settings: &ClientSettings) -> Bench {
    install_tls_provider();
    let sleeper = Arc::new(NotedSleeper::default());
    let ports = ClientPorts {
        clock: Arc::new(ManualClock::new(now())),
        jitter: Arc::new(SeededJitter::new(1)),
        sleeper: Arc::clone(&sleeper) as Arc<dyn Sleeper>,
    };
    Bench {
        client: KalshiClient::new(settings, ports).unwrap(),
        sleeper,
    }
}

pub fn bench_of(server: &MockServer) -> Bench {
    bench(&settings(&server.uri()))
}

/// Matches requests that carry a true signature of the test key over timestamp, method and path without query.
pub struct Signed;

impl Match for Signed {
    fn matches(&self, request: &Request) -> bool {
        SignedAt(now()).matches(request)
    }
}

/// Matches requests that carry a true signature made at this time.
pub struct SignedAt(pub DateTime<Utc>);

impl Match for SignedAt {
    fn matches(&self, request: &Request) -> bool {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(timestamp), Some(signature)) = (
            header("kalshi-access-key"),
            header("kalshi-access-timestamp"),
            header("kalshi-access-signature"),
        ) else {
            return false;
        };
        let text = format!("{timestamp}{}{}", request.method, request.url.path());
        let Ok(signature) = base64::engine::general_purpose::STANDARD.decode(signature) else {
            return false;
        };
        id == KEY_ID
            && timestamp == self.0.timestamp_millis().to_string()
            && UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &test_key().public_der)
                .verify(text.as_bytes(), &signature)
                .is_ok()
    }
}

/// Matches requests without any authentication header.
pub struct Unsigned;

impl Match for Unsigned {
    fn matches(&self, request: &Request) -> bool {
        !request
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("kalshi-access"))
    }
}
