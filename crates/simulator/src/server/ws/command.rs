//! Commands as they arrive, read into what they ask for.

use serde::Deserialize;
use serde_json::Value;

use super::channel::{Channel, Named};
use super::complaint::Complaint;

/// A command: its id, if it has one, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) id: Option<u64>,
    pub(super) request: Result<Request, Complaint>,
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Subscribe),
    Unsubscribe(Vec<u64>),
    List,
    Update(Update),
}

/// The parameters of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscribe {
    pub(super) channels: Vec<Channel>,
    pub(super) markets: Markets,
    pub(super) yes_scale: bool,
    pub(super) initial_tickers: bool,
    pub(super) quiet_acks: bool,
}

/// The parameters of a change of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) sid: u64,
    pub(super) action: String,
    pub(super) markets: Markets,
    pub(super) initial_tickers: bool,
}

/// The markets that a command names: by ticker or by id, never both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Markets {
    pub(super) tickers: Vec<String>,
    pub(super) ids: Vec<String>,
    /// Named by `market_tickers`.
    pub(super) is_list: bool,
}

#[derive(Deserialize)]
struct Envelope {
    id: Option<u64>,
    cmd: Option<String>,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    channels: Option<Vec<String>>,
    market_ticker: Option<String>,
    market_tickers: Option<Vec<String>>,
    market_id: Option<String>,
    market_ids: Option<Vec<String>>,
    send_initial_snapshot: Option<bool>,
    skip_ticker_ack: Option<bool>,
    use_yes_price: Option<bool>,
    shard_factor: Option<i64>,
    shard_key: Option<i64>,
    sid: Option<i64>,
    sids: Option<Vec<i64>>,
    action: Option<String>,
}

impl Command {
    /// Reads a text; what is not JSON or has a field of another type than the schema's is error 1.
    pub(super) fn read(text: &str) -> Self {
        match serde_json::from_str::<Envelope>(text) {
            // An id of zero counts as none.
            Ok(envelope) => Self {
                id: envelope.id.filter(|id| *id != 0),
                request: request(envelope.cmd.as_deref(), envelope.params),
            },
            Err(_) => Self {
                id: serde_json::from_str::<Value>(text)
                    .ok()
                    .and_then(|value| value.get("id").and_then(Value::as_u64))
                    .filter(|id| *id != 0),
                request: Err(Complaint::Unprocessable),
            },
        }
    }
}

fn request(name: Option<&str>, params: Option<Params>) -> Result<Request, Complaint> {
    let needed = || params.ok_or(Complaint::ParamsRequired);
    match name {
        Some("subscribe") => Ok(Request::Subscribe(subscribe(needed()?)?)),
        Some("unsubscribe") => Ok(Request::Unsubscribe(unsubscribe(needed()?)?)),
        Some("list_subscriptions") => Ok(Request::List),
        Some("update_subscription") => Ok(Request::Update(update(needed()?)?)),
        Some(_) => Err(Complaint::UnknownCommand),
        None => Err(Complaint::Unprocessable),
    }
}

fn subscribe(params: Params) -> Result<Subscribe, Complaint> {
    let markets = markets(&params)?;
    let names = params
        .channels
        .filter(|names| !names.is_empty())
        .ok_or(Complaint::ChannelsRequired)?;
    let mut channels = Vec::new();
    for name in names {
        match Channel::named(&name) {
            Named::Served(channel) => channels.push(channel),
            Named::Withheld => return Err(Complaint::AuthenticationRequired),
            Named::Unknown => return Err(Complaint::UnknownChannel),
        }
    }
    if channels.contains(&Channel::Communications) {
        check_shard(params.shard_factor, params.shard_key)?;
    }
    Ok(Subscribe {
        channels,
        markets,
        // Both are false when absent, says the schema.
        yes_scale: params.use_yes_price.unwrap_or(false),
        initial_tickers: params.send_initial_snapshot.unwrap_or(false),
        quiet_acks: params.skip_ticker_ack.unwrap_or(false),
    })
}

const fn check_shard(factor: Option<i64>, key: Option<i64>) -> Result<(), Complaint> {
    match (factor, key) {
        (Some(factor), _) if factor <= 0 => Err(Complaint::ShardFactorNotPositive),
        (Some(factor), _) if factor > 100 => Err(Complaint::ShardFactorTooLarge),
        (None, Some(_)) => Err(Complaint::ShardFactorRequired),
        (Some(factor), Some(key)) if key < 0 || key >= factor => Err(Complaint::ShardKeyOutOfRange),
        _ => Ok(()),
    }
}

fn unsubscribe(params: Params) -> Result<Vec<u64>, Complaint> {
    let sids = params
        .sids
        .filter(|sids| !sids.is_empty())
        .ok_or(Complaint::SubscriptionIdsRequired)?;
    sids.into_iter()
        .map(|sid| u64::try_from(sid).map_err(|_| Complaint::UnknownSubscription))
        .collect()
}

fn update(params: Params) -> Result<Update, Complaint> {
    let sid = match (params.sid, params.sids.as_deref()) {
        (Some(sid), None) | (None, Some(&[sid])) => sid,
        _ => return Err(Complaint::OneSubscriptionRequired),
    };
    let markets = markets(&params)?;
    Ok(Update {
        sid: u64::try_from(sid).map_err(|_| Complaint::UnknownSubscription)?,
        action: params
            .action
            .filter(|action| !action.is_empty())
            .ok_or(Complaint::ActionRequired)?,
        markets,
        initial_tickers: params.send_initial_snapshot.unwrap_or(false),
    })
}

/// The four ways of naming markets exclude each other.
fn markets(params: &Params) -> Result<Markets, Complaint> {
    let named = [
        params.market_ticker.is_some(),
        params.market_tickers.is_some(),
        params.market_id.is_some(),
        params.market_ids.is_some(),
    ];
    if named.into_iter().filter(|given| *given).count() > 1 {
        return Err(Complaint::InvalidParameter);
    }
    let all = |one: &Option<String>, many: &Option<Vec<String>>| -> Vec<String> {
        one.iter().chain(many.iter().flatten()).cloned().collect()
    };
    Ok(Markets {
        tickers: all(&params.market_ticker, &params.market_tickers),
        ids: all(&params.market_id, &params.market_ids),
        is_list: params.market_tickers.is_some(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn shards_are_checked_in_the_documented_way() {
        use Complaint::{
            ShardFactorNotPositive, ShardFactorRequired, ShardFactorTooLarge, ShardKeyOutOfRange,
        };
        for (factor, key, expected) in [
            (None, None, None),
            (Some(1), None, None),
            (Some(100), Some(99), None),
            (Some(0), None, Some(ShardFactorNotPositive)),
            (Some(-3), Some(0), Some(ShardFactorNotPositive)),
            (Some(101), None, Some(ShardFactorTooLarge)),
            (None, Some(0), Some(ShardFactorRequired)),
            (Some(4), Some(4), Some(ShardKeyOutOfRange)),
            (Some(4), Some(-1), Some(ShardKeyOutOfRange)),
        ] {
            assert_eq!(check_shard(factor, key).err(), expected, "{factor:?} {key:?}");
        }
    }

    #[test]
    fn an_id_is_found_even_in_a_command_that_cannot_be_read() {
        let command = Command::read(r#"{"id":7,"cmd":"subscribe","params":{"channels":"trade"}}"#);
        assert_eq!(command.id, Some(7));
        assert_eq!(command.request, Err(Complaint::Unprocessable));
        assert_eq!(Command::read("{\"id\":").id, None);
        assert_eq!(Command::read(r#"{"id":0,"cmd":"list_subscriptions"}"#).id, None);
    }
}
