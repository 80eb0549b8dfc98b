//! The account's limits and what requests cost.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct AccountLimits {
    pub(crate) usage_tier: String,
    pub(crate) read: BucketLimit,
    pub(crate) write: BucketLimit,
    pub(crate) grants: Vec<Grant>,
}

/// Tokens and tokens per second.
#[derive(Debug, Deserialize)]
pub(crate) struct BucketLimit {
    pub(crate) refill_rate: u32,
    pub(crate) bucket_capacity: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Grant {
    pub(crate) exchange_instance: String,
    pub(crate) level: String,
    /// Unix seconds; absent for permanent grants.
    #[serde(default)]
    pub(crate) expires_ts: Option<i64>,
    pub(crate) source: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EndpointCosts {
    pub(crate) default_cost: u32,
    pub(crate) endpoint_costs: Vec<EndpointCost>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EndpointCost {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) cost: u32,
}
