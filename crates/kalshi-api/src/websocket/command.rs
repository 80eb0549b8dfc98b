//! Commands to the stream, as the AsyncAPI document 2.0.0 has them.

use autotrader_domain::Ticker;
use serde::Serialize;

use super::Channel;

/// How prices of the NO side of a book are written.
///
/// The scale is always asked for in words: the exchange's default is announced to change from NO prices to YES prices, after
/// which NO prices cannot be had at all. So this client asks for YES prices, the scale that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PriceScale {
    Yes,
    /// The former scale; read by the tests of the captures, which were taken with it.
    #[cfg(test)]
    No,
}

/// What to change in a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpdateAction {
    AddMarkets,
    DeleteMarkets,
    GetSnapshot,
}

#[derive(Debug, Serialize)]
struct Command<P> {
    id: u64,
    cmd: &'static str,
    params: P,
}

#[derive(Debug, Serialize)]
struct Subscribe<'a> {
    channels: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    market_tickers: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_yes_price: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_initial_snapshot: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Unsubscribe {
    sids: [u64; 1],
}

#[derive(Debug, Serialize)]
struct Update<'a> {
    sid: u64,
    market_tickers: Vec<&'a str>,
    action: UpdateAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_initial_snapshot: Option<bool>,
}

/// Serialising these structs cannot fail: strings, numbers and booleans only.
fn text<P: Serialize>(id: u64, cmd: &'static str, params: P) -> String {
    serde_json::to_string(&Command { id, cmd, params }).unwrap_or_default()
}

/// Asks for a channel; `tickers` is empty for channels that are not of markets.
pub(crate) fn subscribe(id: u64, channel: Channel, tickers: &[Ticker]) -> String {
    let names: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    text(
        id,
        "subscribe",
        Subscribe {
            channels: [channel.name()],
            market_tickers: channel.is_of_markets().then_some(names),
            use_yes_price: (channel == Channel::Orderbook).then_some(true),
            send_initial_snapshot: (channel == Channel::Ticker).then_some(true),
        },
    )
}

/// Ends a subscription.
pub(crate) fn unsubscribe(id: u64, sid: u64) -> String {
    text(id, "unsubscribe", Unsubscribe { sids: [sid] })
}

/// Changes the markets of a subscription, or asks for their books.
pub(crate) fn update(
    id: u64,
    channel: Channel,
    sid: u64,
    action: UpdateAction,
    tickers: &[Ticker],
) -> String {
    text(
        id,
        "update_subscription",
        Update {
            sid,
            market_tickers: tickers.iter().map(Ticker::as_str).collect(),
            action,
            send_initial_snapshot: (channel == Channel::Ticker && action == UpdateAction::AddMarkets)
                .then_some(true),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickers(names: &[&str]) -> Vec<Ticker> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn commands_say_what_is_meant_and_never_rely_on_a_default_scale() {
        assert_eq!(
            subscribe(1, Channel::Orderbook, &tickers(&["A", "B"])),
            r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["A","B"],"use_yes_price":true}}"#
        );
        assert_eq!(
            subscribe(2, Channel::Fill, &[]),
            r#"{"id":2,"cmd":"subscribe","params":{"channels":["fill"]}}"#
        );
        assert_eq!(
            subscribe(3, Channel::Ticker, &tickers(&["A"])),
            r#"{"id":3,"cmd":"subscribe","params":{"channels":["ticker"],"market_tickers":["A"],"send_initial_snapshot":true}}"#
        );
        assert_eq!(
            unsubscribe(4, 7),
            r#"{"id":4,"cmd":"unsubscribe","params":{"sids":[7]}}"#
        );
        assert_eq!(
            update(
                5,
                Channel::Orderbook,
                7,
                UpdateAction::GetSnapshot,
                &tickers(&["A"])
            ),
            r#"{"id":5,"cmd":"update_subscription","params":{"sid":7,"market_tickers":["A"],"action":"get_snapshot"}}"#
        );
        assert_eq!(
            update(6, Channel::Ticker, 8, UpdateAction::AddMarkets, &tickers(&["A"])),
            r#"{"id":6,"cmd":"update_subscription","params":{"sid":8,"market_tickers":["A"],"action":"add_markets","send_initial_snapshot":true}}"#
        );
    }
}
