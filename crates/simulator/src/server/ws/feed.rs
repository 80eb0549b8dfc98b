//! What happened on the exchange, as messages ready to be sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use autotrader_domain::{Net, Ticker};
use chrono::{DateTime, Utc};

use super::bodies::{self, Quote};
use super::channel::Channel;
use super::message::{Body, FeedItem, LevelChange};
use crate::exchange::{Exchange, FeedEvent};

/// How many messages travel together.
const LARGEST_BUNDLE: usize = 256;

/// Some of what happened during one request or one step of time, in order.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) items: Vec<FeedItem>,
    /// Market data is broken: readers are cut off instead.
    pub(super) data_down: bool,
}

/// What the ticker channel last told about each market.
#[derive(Debug, Default)]
pub(super) struct Tape {
    told: BTreeMap<Ticker, Quote>,
}

impl Tape {
    /// Forgets: nobody reads, so nobody was told.
    pub(super) fn forget(&mut self) {
        self.told.clear();
    }

    /// The changes since the last call among the markets that something happened in.
    fn news(&mut self, exchange: &Exchange, touched: &BTreeSet<Ticker>, at: DateTime<Utc>) -> Vec<FeedItem> {
        let markets = touched.iter().filter_map(|ticker| exchange.market(ticker));
        markets
            .filter_map(|market| {
                let quote = Quote::of(market);
                let ticker = &market.listing.ticker;
                if self.told.get(ticker) == Some(&quote) {
                    return None;
                }
                let text = quote.text(at);
                self.told.insert(ticker.clone(), quote);
                Some(FeedItem {
                    channel: Channel::Ticker,
                    kind: "ticker",
                    owner: None,
                    ticker: Some(ticker.clone()),
                    body: Body::Text(text),
                })
            })
            .collect()
    }
}

/// The messages of what happened, in bundles; tickers come last, as the markets are after all of it.
pub(super) fn batches(
    exchange: &Exchange,
    events: Vec<FeedEvent>,
    tape: &mut Tape,
    at: DateTime<Utc>,
    data_down: bool,
) -> Vec<Batch> {
    let touched: BTreeSet<Ticker> = events.iter().filter_map(quoted_market).cloned().collect();
    let mut items: Vec<FeedItem> = events
        .into_iter()
        .filter_map(|event| item(exchange, event))
        .collect();
    items.extend(tape.news(exchange, &touched, at));
    let mut bundles = Vec::with_capacity(items.len() / LARGEST_BUNDLE + 1);
    while !items.is_empty() {
        let rest = items.split_off(items.len().min(LARGEST_BUNDLE));
        bundles.push(Batch { items, data_down });
        items = rest;
    }
    bundles
}

/// The market whose quote an event can change.
const fn quoted_market(event: &FeedEvent) -> Option<&Ticker> {
    match event {
        FeedEvent::Book { ticker, .. } | FeedEvent::Lifecycle { ticker, .. } => Some(ticker),
        FeedEvent::Trade(trade) => Some(&trade.ticker),
        _ => None,
    }
}

fn public(channel: Channel, kind: &'static str, ticker: Option<Ticker>, text: String) -> FeedItem {
    FeedItem {
        channel,
        kind,
        owner: None,
        ticker,
        body: Body::Text(text),
    }
}

fn item(exchange: &Exchange, event: FeedEvent) -> Option<FeedItem> {
    Some(match event {
        FeedEvent::Book {
            ticker,
            side,
            price,
            delta,
            clock,
            cause,
            at,
        } => FeedItem {
            channel: Channel::Book,
            kind: "orderbook_delta",
            owner: None,
            body: Body::Level(Box::new(LevelChange {
                market_id: exchange.market(&ticker)?.id,
                ticker: ticker.clone(),
                side,
                price,
                delta: Net::from_raw(delta)?,
                clock,
                at,
                cause: cause.and_then(|cause| Some((cause.account, cause.client_order_id?))),
                own_scale: OnceLock::new(),
                yes_scale: OnceLock::new(),
            })),
            ticker: Some(ticker),
        },
        FeedEvent::Trade(trade) => {
            let text = bodies::trade(&trade);
            public(Channel::Trade, "trade", Some(trade.ticker), text)
        }
        FeedEvent::Fill(fill) => FeedItem {
            owner: Some(fill.account),
            ..public(
                Channel::Fill,
                "fill",
                Some(fill.ticker.clone()),
                bodies::fill(&fill),
            )
        },
        FeedEvent::Order(order) => {
            let user = exchange.account(order.account)?.user;
            let text = bodies::order(user, &order);
            FeedItem {
                owner: Some(order.account),
                ..public(Channel::Orders, "user_order", Some(order.asked.ticker), text)
            }
        }
        FeedEvent::Position {
            account,
            ticker,
            holding,
            ..
        } => {
            let text = bodies::position(exchange.account(account)?.user, &ticker, &holding);
            FeedItem {
                owner: Some(account),
                ..public(Channel::Positions, "market_position", Some(ticker), text)
            }
        }
        FeedEvent::OrderGroup {
            account,
            group,
            step,
            at,
        } => FeedItem {
            owner: Some(account),
            ..public(
                Channel::OrderGroups,
                "order_group_updates",
                None,
                bodies::order_group(group, step, at),
            )
        },
        FeedEvent::EventCreated { event, .. } => {
            let text = bodies::event(exchange.event(&event)?);
            public(Channel::Lifecycle, "event_lifecycle", None, text)
        }
        FeedEvent::EventFee { event, terms, .. } => public(
            Channel::Lifecycle,
            "event_fee_update",
            None,
            bodies::event_fee(&event, terms),
        ),
        FeedEvent::Lifecycle { ticker, step, at } => {
            let text = bodies::lifecycle(exchange.market(&ticker)?, &step, at);
            public(Channel::Lifecycle, "market_lifecycle_v2", None, text)
        }
    })
}
