//! What the account may ask of the exchange, learnt from the exchange.

use autotrader_domain::ports::FeedError;
use chrono::{DateTime, Utc};

use crate::client::Read;
use crate::http::costs::CostTable;
use crate::http::rate_limit::balance_size;
use crate::parse::decode::{decode, schema};
use crate::wire::account_limits as wire;
use crate::{BucketSize, KalshiClient};

/// The account's tier and buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLimits {
    /// The name of the tier, such as `basic`.
    pub usage_tier: String,
    /// The bucket of reads.
    pub read: BucketSize,
    /// The bucket of writes; every shard after the first has another of the same size.
    pub write: BucketSize,
    /// What raises the account above the Basic tier.
    pub grants: Vec<TierGrant>,
}

impl AccountLimits {
    /// Balance reads a second: one for the tiers Basic and Advanced, and for names that this version does not know; five above.
    ///
    /// Source: the description of the balance endpoint.
    #[must_use]
    pub fn balance_reads_per_second(&self) -> u32 {
        match self.usage_tier.to_ascii_lowercase().as_str() {
            "expert" | "premier" | "paragon" | "prime" | "prestige" => 5,
            _ => 1,
        }
    }
}

/// One grant of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierGrant {
    /// The lane, such as `event_contract`.
    pub exchange_instance: String,
    /// The tier.
    pub level: String,
    /// The end; `None` when permanent.
    pub expires_at: Option<DateTime<Utc>>,
    /// `volume` or `manual`.
    pub source: String,
}

/// What requests cost, in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointCosts {
    /// Of an endpoint that is not listed.
    pub default_cost: u32,
    /// Of the others: method, path with parameters as `:name` or `*name`, and tokens.
    pub endpoints: Vec<(String, String, u32)>,
}

impl KalshiClient {
    /// The account's tier and buckets. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when it cannot be read, or a bucket would hold nothing or never fill.
    pub async fn account_limits(&self) -> Result<AccountLimits, FeedError> {
        let body = self.get(Read::signed(&["account", "limits"], &[])).await?;
        limits(decode("$", &body)?)
    }

    /// What requests cost. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when it cannot be read.
    pub async fn endpoint_costs(&self) -> Result<EndpointCosts, FeedError> {
        let body = self
            .get(Read::public(&["account", "endpoint_costs"], &[]))
            .await?;
        decode("$", &body).map(costs)
    }

    /// Reads the account's buckets and the endpoints' costs and keeps to them from now on; returns the buckets.
    ///
    /// What was read is in force even when the other could not be; until then the documented Basic tier is. A client that was
    /// made without limits keeps none. Cancellation-safe.
    ///
    /// # Errors
    /// [`FeedError`] of the first part that could not be read: what was known before stays in force for it.
    pub async fn learn_limits(&self) -> Result<AccountLimits, FeedError> {
        let limits = self.account_limits().await;
        if let Ok(limits) = &limits {
            let balance = balance_size(limits.balance_reads_per_second());
            self.limiter.set_sizes(limits.read, limits.write, balance);
        }
        let costs = self.endpoint_costs().await;
        if let Ok(costs) = &costs {
            let rows = costs
                .endpoints
                .iter()
                .map(|(method, path, cost)| (method.as_str(), path.as_str(), *cost));
            self.limiter.set_costs(CostTable::new(costs.default_cost, rows));
        }
        match limits.and_then(|limits| costs.map(|_| limits)) {
            Ok(limits) => {
                tracing::info!(
                    event = "kalshi_limits_learnt",
                    tier = limits.usage_tier,
                    read_per_second = limits.read.refill_per_second,
                    write_per_second = limits.write.refill_per_second,
                );
                Ok(limits)
            }
            Err(error) => {
                tracing::warn!(event = "kalshi_limits_not_learnt", %error, "the limits known before stay in force");
                Err(error)
            }
        }
    }
}

fn limits(wire: wire::AccountLimits) -> Result<AccountLimits, FeedError> {
    let grants = wire
        .grants
        .into_iter()
        .enumerate()
        .map(|(index, grant)| grant_of(grant, index));
    Ok(AccountLimits {
        usage_tier: wire.usage_tier,
        read: bucket(&wire.read, "$.read")?,
        write: bucket(&wire.write, "$.write")?,
        grants: grants.collect::<Result<_, _>>()?,
    })
}

fn bucket(wire: &wire::BucketLimit, path: &str) -> Result<BucketSize, FeedError> {
    match (wire.bucket_capacity, wire.refill_rate) {
        (0, _) => Err(schema(
            &format!("{path}.bucket_capacity"),
            "a bucket that holds nothing",
        )),
        (_, 0) => Err(schema(
            &format!("{path}.refill_rate"),
            "a bucket that never fills",
        )),
        (capacity, refill_per_second) => Ok(BucketSize {
            capacity,
            refill_per_second,
        }),
    }
}

fn grant_of(wire: wire::Grant, index: usize) -> Result<TierGrant, FeedError> {
    let expires_at = match wire.expires_ts {
        None => None,
        Some(seconds) => Some(
            DateTime::from_timestamp(seconds, 0)
                .ok_or_else(|| schema(&format!("$.grants[{index}].expires_ts"), "not a time"))?,
        ),
    };
    Ok(TierGrant {
        exchange_instance: wire.exchange_instance,
        level: wire.level,
        expires_at,
        source: wire.source,
    })
}

fn costs(wire: wire::EndpointCosts) -> EndpointCosts {
    EndpointCosts {
        default_cost: wire.default_cost,
        endpoints: wire
            .endpoint_costs
            .into_iter()
            .map(|row| (row.method, row.path, row.cost))
            .collect(),
    }
}
