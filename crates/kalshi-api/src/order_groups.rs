//! Order groups: orders that are cancelled together when they trade too much within fifteen seconds.

pub use autotrader_domain::OrderGroupId;
use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, VenueOrderId};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::KalshiClient;
use crate::http::write::{Write, WriteKind};
use crate::outcome::WriteOutcome;
use crate::parse::decode::{decode, schema};
use crate::question::Question;
use crate::subaccount::Subaccount;
use crate::wire;

/// One order group. Source: `OrderGroup` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderGroup {
    /// Its id.
    pub id: OrderGroupId,
    /// Contracts it may trade within fifteen seconds before its orders are cancelled; absent without a limit.
    #[serde(default, rename = "contracts_limit_fp")]
    pub limit: Option<Contracts>,
    /// Whether reaching the limit cancels its orders.
    pub is_auto_cancel_enabled: bool,
    /// The shard of its orders.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

/// One order group with its orders. Source: `GetOrderGroupResponse` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderGroupOrders {
    /// Contracts it may trade within fifteen seconds before its orders are cancelled; absent without a limit.
    #[serde(default, rename = "contracts_limit_fp")]
    pub limit: Option<Contracts>,
    /// Whether reaching the limit cancels its orders.
    pub is_auto_cancel_enabled: bool,
    /// Its orders.
    pub orders: Vec<VenueOrderId>,
    /// The shard of its orders.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

/// A new order group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrderGroup {
    /// Contracts it may trade within fifteen seconds before its orders are cancelled: at least one hundredth.
    pub limit: Contracts,
    /// The part of the account it belongs to; the primary one when `None`.
    pub subaccount: Option<Subaccount>,
    /// The shard of its orders.
    pub exchange_index: i32,
}

/// Where an order group is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupPlace {
    /// The part of the account; the primary one when `None`.
    pub subaccount: Option<Subaccount>,
    /// The shard; 0 when `None`.
    pub exchange_index: Option<i32>,
}

/// What a group is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GroupChange {
    Reset,
    Trigger,
    Limit(Contracts),
    Delete,
}

#[derive(Serialize)]
struct CreateGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    subaccount: Option<u8>,
    contracts_limit_fp: Contracts,
    exchange_index: i32,
}

#[derive(Serialize)]
struct GroupLimit {
    contracts_limit_fp: Contracts,
}

#[derive(Deserialize)]
struct Created {
    order_group_id: OrderGroupId,
    subaccount: u8,
}

#[derive(Deserialize)]
struct GroupsAnswer {
    /// Optional in the document: absent when there are none.
    #[serde(default)]
    order_groups: Vec<OrderGroup>,
}

/// The answer to a created group; another part of the account than asked for is not what was asked.
fn created(new: &NewOrderGroup, body: &[u8]) -> Result<OrderGroupId, FeedError> {
    let created: Created = decode("$", body)?;
    let asked = new.subaccount.unwrap_or_default().number();
    if created.subaccount == asked {
        Ok(created.order_group_id)
    } else {
        let words = format!("asked for {asked}, answered {}", created.subaccount);
        Err(schema("$.subaccount", &words))
    }
}

impl KalshiClient {
    /// The account's order groups. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn order_groups(&self, subaccount: Option<Subaccount>) -> Result<Vec<OrderGroup>, FeedError> {
        let question = Question::signed(&["portfolio", "order_groups"]).maybe("subaccount", subaccount);
        let answer: GroupsAnswer = self.read(&question).await?;
        Ok(answer.order_groups)
    }

    /// One order group with its orders. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn order_group(
        &self,
        id: &OrderGroupId,
        subaccount: Option<Subaccount>,
    ) -> Result<OrderGroupOrders, FeedError> {
        let question =
            Question::signed(&["portfolio", "order_groups", id.as_str()]).maybe("subaccount", subaccount);
        self.read(&question).await
    }

    /// Creates an order group. Not cancellation-safe: a dropped call has an unknown outcome; a group without orders does
    /// nothing, so an unknown one may be left.
    pub async fn create_order_group(&self, new: &NewOrderGroup) -> WriteOutcome<OrderGroupId> {
        let body = CreateGroup {
            subaccount: new.subaccount.map(Subaccount::number),
            contracts_limit_fp: new.limit,
            exchange_index: new.exchange_index,
        };
        let write = Write {
            method: Method::POST,
            segments: &["portfolio", "order_groups", "create"],
            query: &[],
            body: Some(wire::body(&body)),
            kind: WriteKind::OrderGroup,
            shard: new.exchange_index,
        };
        WriteOutcome::of(self.write(write).await, |body| created(new, body))
    }

    /// Cancels every order of a group and takes no new ones until it is reset. Repeating it is harmless.
    pub async fn trigger_order_group(&self, id: &OrderGroupId, place: GroupPlace) -> WriteOutcome<()> {
        self.change_group(id, place, GroupChange::Trigger).await
    }

    /// Lets a triggered group take orders again, with its count of traded contracts at nothing. Repeating it is harmless.
    pub async fn reset_order_group(&self, id: &OrderGroupId, place: GroupPlace) -> WriteOutcome<()> {
        self.change_group(id, place, GroupChange::Reset).await
    }

    /// Changes how many contracts a group may trade within fifteen seconds; a group that has already traded more is
    /// triggered. Repeating it is harmless.
    pub async fn set_order_group_limit(
        &self,
        id: &OrderGroupId,
        place: GroupPlace,
        limit: Contracts,
    ) -> WriteOutcome<()> {
        self.change_group(id, place, GroupChange::Limit(limit)).await
    }

    /// Deletes a group and cancels its orders. Repeating it ends as rejected: not found.
    pub async fn delete_order_group(&self, id: &OrderGroupId, place: GroupPlace) -> WriteOutcome<()> {
        self.change_group(id, place, GroupChange::Delete).await
    }

    async fn change_group(
        &self,
        id: &OrderGroupId,
        place: GroupPlace,
        change: GroupChange,
    ) -> WriteOutcome<()> {
        let mut segments = vec!["portfolio", "order_groups", id.as_str()];
        let (method, last, body, kind) = match change {
            GroupChange::Reset => (Method::PUT, Some("reset"), None, WriteKind::OrderGroup),
            GroupChange::Trigger => (Method::PUT, Some("trigger"), None, WriteKind::TriggerOrderGroup),
            GroupChange::Limit(limit) => {
                let body = GroupLimit {
                    contracts_limit_fp: limit,
                };
                (
                    Method::PUT,
                    Some("limit"),
                    Some(wire::body(&body)),
                    WriteKind::OrderGroup,
                )
            }
            GroupChange::Delete => (Method::DELETE, None, None, WriteKind::OrderGroup),
        };
        segments.extend(last);
        let subaccount = place.subaccount.map(|subaccount| subaccount.to_string());
        let shard = place.exchange_index.map(|index| index.to_string());
        let query: Vec<(&str, &str)> = [
            ("subaccount", subaccount.as_deref()),
            ("exchange_index", shard.as_deref()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
        let write = Write {
            method,
            segments: &segments,
            query: &query,
            body,
            kind,
            shard: place.exchange_index.unwrap_or_default(),
        };
        // Every answer with 2xx says that it was done; its body is an empty object.
        WriteOutcome::of(self.write(write).await, |_| Ok(()))
    }
}
