//! The other side: an exchange with one event, a maker on both sides of every contract, and what the story does to us.

use autotrader_domain::{BookSide, Money, Price, SettlementResult, Ticker};
use autotrader_simulator::exchange::{
    AccountId, AccountKind, EventListing, Exchange, FeeModel, MarketListing, NewOrder, OrderStatus,
    PriceStructure, SeriesListing,
};
use autotrader_simulator::{Faults, PageResponse, SimulatedWorld};
use chrono::{DateTime, TimeDelta, Utc};

use crate::scene::{ASK, BID, Contract, EVENT, SERIES, Scene, cents, whole};

/// What we have at the start.
pub const CASH: Money = Money::dollars(1_000);

#[derive(Debug)]
pub struct SceneWorld {
    pub exchange: Exchange,
    pub trader: AccountId,
    taker: AccountId,
    scene: &'static Scene,
    began: DateTime<Utc>,
}

impl SceneWorld {
    pub fn new(scene: &'static Scene, at: DateTime<Utc>) -> Self {
        let mut exchange = Exchange::new(7, at);
        let maker = exchange.open_account("maker", AccountKind::House, Money::dollars(1_000_000), at);
        let taker = exchange.open_account("taker", AccountKind::House, Money::dollars(1_000_000), at);
        let trader = exchange.open_account("trader", AccountKind::Member, CASH, at);
        list_event(&mut exchange, at);
        for contract in scene.contracts {
            let ticker = contract.ticker();
            exchange.add_market(listing(&ticker, at), at).unwrap();
            let bids = NewOrder::resting(ticker.clone(), BookSide::Bid, whole(1_000), cents(BID));
            exchange.submit(maker, bids, at).unwrap();
            let asks = NewOrder::resting(ticker, BookSide::Ask, whole(contract.offered), cents(ASK));
            exchange.submit(maker, asks, at).unwrap();
        }
        Self {
            exchange,
            trader,
            taker,
            scene,
            began: at,
        }
    }

    /// Takes of our resting order what the story says, once.
    fn take(&mut self, contract: &Contract, at: DateTime<Utc>) {
        let Some((count, after)) = contract.taken else {
            return;
        };
        let ticker = contract.ticker();
        let ripe = |rested: DateTime<Utc>| at - rested >= TimeDelta::seconds(after);
        let ours = self
            .exchange
            .resting(self.trader, &ticker)
            .find(|order| order.filled.is_zero() && ripe(order.created_at))
            .map(|order| (order.asked.side.opposite(), order.asked.price));
        if let Some((side, price)) = ours {
            let order = NewOrder::immediate(ticker, side, whole(count), price);
            self.exchange.submit(self.taker, order, at).unwrap();
        }
    }

    /// Decides a contract when the story says so, once.
    fn settle(&mut self, contract: &Contract, at: DateTime<Utc>) {
        let Some(after) = contract.settles_after else {
            return;
        };
        let ticker = contract.ticker();
        let first = self
            .exchange
            .fills(self.trader)
            .find(|fill| fill.ticker == ticker);
        let due = first.is_some_and(|fill| at - fill.at >= TimeDelta::seconds(after));
        let open = self
            .exchange
            .market(&ticker)
            .is_some_and(|market| market.determination.is_none());
        if due && open {
            self.exchange
                .determine(&ticker, SettlementResult::Yes, Price::ONE, at)
                .unwrap();
        }
    }
}

impl SimulatedWorld for SceneWorld {
    fn advance_to(&mut self, at: DateTime<Utc>) {
        self.exchange.advance(at);
        for contract in self.scene.contracts {
            self.take(contract, at);
            self.settle(contract, at);
        }
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn leaderboard(&mut self, _path: &str, _at: DateTime<Utc>) -> PageResponse {
        PageResponse::text(404, "no leaderboard here")
    }

    fn faults(&self, at: DateTime<Utc>) -> Faults {
        let none_yet = self.exchange.orders(self.trader).next().is_none();
        let one_rests = self
            .exchange
            .orders(self.trader)
            .any(|order| order.status == OrderStatus::Resting);
        Faults {
            order_entry_answers_lost: (self.scene.first_answer_lost && none_yet)
                || (self.scene.cancel_answer_lost && one_rests),
            order_entry_down: at - self.began < TimeDelta::seconds(self.scene.down_for),
            ..Faults::default()
        }
    }
}

fn list_event(exchange: &mut Exchange, at: DateTime<Utc>) {
    let series = SeriesListing {
        ticker: SERIES.parse().unwrap(),
        title: "Crash".to_owned(),
        category: "Science and Technology".to_owned(),
        frequency: "once".to_owned(),
        tags: Vec::new(),
        settlement_sources: Vec::new(),
        fee_model: FeeModel::QuadraticWithMakerFees,
        fee_multiplier_millionths: 1_000_000,
    };
    exchange.add_series(series, at).unwrap();
    let event = EventListing {
        ticker: EVENT.parse().unwrap(),
        series: SERIES.parse().unwrap(),
        title: "Crash".to_owned(),
        sub_title: "Crash".to_owned(),
        mutually_exclusive: false,
        strike_date: None,
    };
    exchange.add_event(event, at).unwrap();
}

fn listing(ticker: &Ticker, at: DateTime<Utc>) -> MarketListing {
    MarketListing {
        ticker: ticker.clone(),
        event: EVENT.parse().unwrap(),
        title: None,
        yes_sub_title: "yes".to_owned(),
        no_sub_title: "no".to_owned(),
        rules_primary: String::new(),
        rules_secondary: String::new(),
        custom_strike: None,
        open_time: at,
        close_time: at + TimeDelta::days(30),
        expected_expiration_time: None,
        latest_expiration_time: at + TimeDelta::days(37),
        settlement_timer_seconds: 1,
        can_close_early: true,
        early_close_condition: None,
        prices: PriceStructure::deci_cent(),
    }
}
