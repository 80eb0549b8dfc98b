//! Signed REST client of the exchange: wire to domain and back.
//!
//! [`KalshiClient`] implements the ports [`MarketData`](autotrader_domain::ports::MarketData),
//! [`OrderGateway`](autotrader_domain::ports::OrderGateway) and
//! [`AccountSource`](autotrader_domain::ports::AccountSource). It is the only place that reads the venue's JSON.
//!
//! - One public module for each family of endpoints, with its questions, its methods and the plain types that the domain has no
//!   word for. Where it has one, private structs (`wire`) are turned into domain types (`parse`). A missing or mistyped
//!   required field is an error that names its JSON path; unknown fields and unknown enum values ([`Word`]) are tolerated.
//! - Listings are streams: a page is asked for when the one before it was taken.
//! - A write is sent once and ends as `NotSent`, `Accepted`, `Rejected` or `Unknown` ([`WriteOutcome`]). Reads retry with full
//!   jitter under a budget.
//! - Signatures (RSA-PSS or Ed25519, over timestamp, method and path) go to loopback and to the documented hosts of the key's
//!   own environment, and nowhere else.
//! - Time, jitter and waiting are injected.

mod account;
mod account_limits;
pub mod api_keys;
pub mod candlesticks;
mod client;
mod collateral;
mod credential;
mod error;
pub mod events;
pub mod exchange;
mod http;
mod market_data;
pub mod markets;
pub mod order_changes;
mod order_entry;
pub mod order_groups;
pub mod orders;
mod outcome;
mod pages;
mod parse;
pub mod portfolio;
mod question;
pub mod series;
mod settings;
mod subaccount;
mod tls;
pub mod trades;
mod venue_code;
mod venue_error;
pub mod websocket;
mod wire;
mod word;

pub use account_limits::{AccountLimits, EndpointCosts, TierGrant};
pub use client::{ClientPorts, KalshiClient};
pub use credential::{CredentialError, Credentials, SignedHeaders};
pub use error::SetupError;
pub use http::bucket::BucketSize;
pub use http::pause::{Jitter, SeededJitter, Sleeper, TokioSleeper};
pub use http::rate_limit::RateLimits;
pub use http::retry::RetryPolicy;
pub use http::signer::Signer;
pub use order_entry::{OrderOptions, SelfTrade, render_order, render_order_with};
pub use outcome::WriteOutcome;
pub use question::TimeRange;
pub use settings::{ClientSettings, Destination, SigningHosts, default_base_url};
pub use subaccount::Subaccount;
pub use tls::install_tls_provider;
pub use venue_code::{Remedy, VenueCode};
pub use venue_error::VenueError;
pub use word::Word;
