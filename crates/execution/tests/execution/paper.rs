//! The paper venue behind the executor: the same life cycle as a real one, and pessimistic fills.

use autotrader_domain::ports::{AccountSource, Clock, OrderGateway, PlaceOutcome};
use autotrader_domain::{
    Book, BookSide, Contracts, FeeSchedule, Fill, MarketStatus, Money, Net, Order, OrderState, RejectReason,
    TimeInForce,
};
use autotrader_execution::paper::PaperSettings;
use chrono::TimeDelta;

use crate::kit::{
    Paper, SETTINGS, approve, bid, ladder, market, money, order, price, resting, short, start, ticker,
};

#[tokio::test]
async fn a_taker_waits_for_the_first_book_after_its_latency() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    assert_eq!(
        short(&paper.place(bid("A", 5, "0.42")).await),
        ["sent", "resting"]
    );
    // A book of the time of the decision changes nothing.
    let early = Book::new(ticker("A"), paper.clock.now(), vec![], ladder(&[("0.60", 10)])).unwrap();
    assert!(!paper.gateway.on_book(&early));
    assert!(paper.poll().await.is_empty());
    // The market moved away by a cent: that is what is paid.
    assert!(paper.show("A", &[("0.38", 10)], &[("0.41", 10)]));
    assert_eq!(short(&paper.poll().await), ["fill 5.00 at 0.4100", "filled"]);
    paper.check_books().await;
    assert_eq!(
        paper.figures().optimistic_gain,
        money("0.0507"),
        "a cent each, and 0.0007 of fee"
    );
}

#[tokio::test]
async fn a_book_within_the_latency_is_too_early() {
    let mut paper = Paper::new(PaperSettings {
        latency: TimeDelta::seconds(3),
        ..SETTINGS
    });
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.42")).await;
    assert!(!paper.show("A", &[], &[("0.40", 10)]), "1 s later");
    assert!(!paper.show("A", &[], &[("0.42", 10)]), "2 s later");
    assert!(paper.show("A", &[], &[("0.41", 10)]), "3 s later");
    assert_eq!(short(&paper.poll().await), ["fill 5.00 at 0.4100", "filled"]);
}

#[tokio::test]
async fn a_market_that_came_towards_us_does_not_pay_more() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.42", 10)]);
    paper.place(bid("A", 5, "0.42")).await;
    paper.show("A", &[], &[("0.35", 10)]);
    assert_eq!(short(&paper.poll().await), ["fill 5.00 at 0.4200", "filled"]);
    assert_eq!(paper.figures().optimistic_gain, Money::ZERO);
}

#[tokio::test]
async fn a_market_that_ran_away_fills_nothing() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.42")).await;
    paper.show("A", &[], &[("0.43", 10)]);
    assert_eq!(short(&paper.poll().await), ["canceled"]);
    assert_eq!(paper.figures().missed, Contracts::whole(5));
    assert_eq!(paper.figures().cash, SETTINGS.bankroll);
}

#[tokio::test]
async fn an_unknown_book_fills_nothing() {
    let mut paper = Paper::new(SETTINGS);
    assert_eq!(
        short(&paper.place(bid("A", 5, "0.42")).await),
        ["sent", "canceled"]
    );
    paper.show("A", &[], &[("0.40", 10)]);
    assert!(paper.poll().await.is_empty());
}

#[tokio::test]
async fn selling_pays_the_no_price_and_closing_releases_it() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[("0.30", 10)], &[("0.40", 10)]);
    paper.place(order("A", 1, BookSide::Ask, 10, "0.30")).await;
    paper.show("A", &[("0.30", 10)], &[("0.40", 10)]);
    paper.poll().await;
    // 10 NO at 0.70, and a fee of 0.07 · 10 · 0.3 · 0.7.
    assert_eq!(paper.figures().cash, money("92.853"));
    paper.show("A", &[("0.10", 10)], &[("0.20", 10)]);
    paper.place(order("A", 2, BookSide::Bid, 10, "0.20")).await;
    paper.show("A", &[("0.10", 10)], &[("0.20", 10)]);
    paper.poll().await;
    assert_eq!(paper.figures().realized, money("1"));
    assert_eq!(paper.core.books.position(&ticker("A")).net, Net::ZERO);
    paper.check_books().await;
}

#[tokio::test]
async fn depth_that_was_taken_does_not_come_back_by_itself() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 6)]);
    paper.place(bid("A", 4, "0.40")).await;
    paper.show("A", &[], &[("0.40", 6)]);
    paper.poll().await;
    paper.place(order("A", 2, BookSide::Bid, 4, "0.40")).await;
    paper.show("A", &[], &[("0.40", 6)]);
    let events = short(&paper.poll().await);
    assert_eq!(events, ["fill 2.00 at 0.4000", "partially_filled", "canceled"]);
    paper.place(order("A", 3, BookSide::Bid, 4, "0.40")).await;
    paper.show("A", &[], &[("0.40", 7)]);
    assert_eq!(
        short(&paper.poll().await),
        ["canceled"],
        "the book of the decision had nothing left"
    );
    paper.place(order("A", 4, BookSide::Bid, 4, "0.40")).await;
    paper.show("A", &[], &[("0.40", 7)]);
    assert_eq!(short(&paper.poll().await), ["fill 4.00 at 0.4000", "filled"]);
    // A trade at the level brings it back too.
    paper.gateway.on_trade(
        &ticker("A"),
        price("0.40"),
        Contracts::whole(1),
        paper.clock.now(),
    );
    paper.place(order("A", 5, BookSide::Bid, 7, "0.40")).await;
    paper.show("A", &[], &[("0.40", 7)]);
    assert_eq!(short(&paper.poll().await), ["fill 7.00 at 0.4000", "filled"]);
}

#[tokio::test]
async fn two_orders_do_not_take_the_same_depth() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 6)]);
    // The second is not of the store's making: one contract has one unfinished order there.
    paper.place(bid("A", 4, "0.40")).await;
    let mut request = paper
        .store
        .with(|rows| rows.orders.values().next().unwrap().1.request.clone());
    request.client_order_id = "kat1-other-1".parse().unwrap();
    paper.gateway.place(&request, "").await;
    paper.show("A", &[], &[("0.40", 6)]);
    let filled: i64 = paper
        .gateway
        .fills(start())
        .await
        .unwrap()
        .iter()
        .map(|f| f.contracts.raw())
        .sum();
    assert_eq!(filled, 600);
}

#[tokio::test]
async fn makers_fill_on_trade_through_only() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[("0.30", 5)], &[("0.40", 5)]);
    paper.place(resting(bid("A", 5, "0.35"))).await;
    paper.show("A", &[("0.35", 5)], &[("0.40", 5)]);
    assert_eq!(paper.poll().await, [], "it rests");
    paper.show("A", &[("0.30", 5)], &[("0.35", 5)]);
    assert_eq!(paper.poll().await, [], "a touch is not a fill");
    paper.show("A", &[("0.30", 5)], &[("0.34", 2)]);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 2.00 at 0.3500", "partially_filled"]
    );
    paper.show("A", &[("0.30", 5)], &[("0.34", 2)]);
    assert_eq!(paper.poll().await, [], "the same depth fills once");
    let now = paper.clock.now();
    paper
        .gateway
        .on_trade(&ticker("A"), price("0.35"), Contracts::whole(9), now);
    assert_eq!(paper.poll().await, [], "a trade at the level is not through it");
    paper
        .gateway
        .on_trade(&ticker("A"), price("0.33"), Contracts::whole(1), now);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 1.00 at 0.3500", "partially_filled"]
    );
    paper
        .gateway
        .on_trade(&ticker("A"), price("0.33"), Contracts::whole(9), now);
    assert_eq!(short(&paper.poll().await), ["fill 2.00 at 0.3500", "filled"]);
    assert_eq!(
        paper.figures().fees,
        Money::ZERO,
        "this series charges takers only"
    );
    paper.check_books().await;
}

#[tokio::test]
async fn maker_fees_are_charged_where_the_series_charges_them() {
    let mut paper = Paper::new(SETTINGS);
    let mut terms = market("A");
    terms.fees = FeeSchedule::WITH_MAKER_FEES;
    paper.gateway.on_market(&terms);
    paper.show("A", &[], &[("0.60", 5)]);
    paper.place(resting(bid("A", 4, "0.50"))).await;
    paper.show("A", &[], &[("0.60", 5)]);
    paper.show("A", &[], &[("0.49", 5)]);
    paper.poll().await;
    assert_eq!(paper.figures().fees, money("0.0175"));
}

#[tokio::test]
async fn resting_orders_expire_and_can_be_cancelled() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.60", 5)]);
    let mut first = bid("A", 4, "0.50");
    first.intent.time_in_force = TimeInForce::GoodTillCanceled {
        expires_at: Some(paper.clock.now() + TimeDelta::minutes(5)),
    };
    paper.place(first).await;
    paper.clock.advance_to(paper.clock.now() + TimeDelta::minutes(5));
    assert_eq!(short(&paper.poll().await), ["expired"]);
    let second = resting(order("A", 2, BookSide::Bid, 4, "0.50"));
    paper.place(second.clone()).await;
    let events = paper.executor.cancel(&second.client_order_id).await;
    assert_eq!(short(&events), ["canceled"]);
    assert!(!paper.show("A", &[], &[("0.10", 5)]), "nothing is left to fill");
}

#[tokio::test]
async fn fill_or_kill_is_all_or_nothing() {
    let mut paper = Paper::new(SETTINGS);
    let kill = |generation, contracts| {
        let mut order = order("A", generation, BookSide::Bid, contracts, "0.40");
        order.intent.time_in_force = TimeInForce::FillOrKill;
        order
    };
    paper.show("A", &[], &[("0.40", 6)]);
    paper.place(kill(1, 7)).await;
    paper.show("A", &[], &[("0.40", 6)]);
    assert_eq!(short(&paper.poll().await), ["canceled"]);
    paper.place(kill(2, 6)).await;
    paper.show("A", &[], &[("0.40", 6)]);
    assert_eq!(short(&paper.poll().await), ["fill 6.00 at 0.4000", "filled"]);
}

#[tokio::test]
async fn reduce_only_never_opens() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[("0.38", 50)], &[("0.40", 50)]);
    paper.place(bid("A", 3, "0.40")).await;
    paper.show("A", &[("0.38", 50)], &[("0.40", 50)]);
    paper.poll().await;
    let mut exit = order("A", 2, BookSide::Ask, 5, "0.38");
    exit.reduce_only = true;
    paper.place(exit).await;
    paper.show("A", &[("0.38", 50)], &[("0.40", 50)]);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 3.00 at 0.3800", "partially_filled", "canceled"]
    );
    assert_eq!(paper.core.books.position(&ticker("A")).net, Net::ZERO);
}

#[tokio::test]
async fn the_bankroll_depletes() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.50", 500)]);
    let events = paper.place(bid("A", 193, "0.50")).await;
    assert_eq!(
        short(&events),
        ["sent", "resting"],
        "96.50 and a fee of 3.38 of 100 dollars"
    );
    paper.show("B", &[], &[("0.50", 500)]);
    let events = paper.place(bid("B", 1, "0.50")).await;
    assert_eq!(short(&events), ["sent", "rejected"], "the rest is reserved");
    let refused = &paper.core.orders[&"kat1-B-1".parse().unwrap()];
    assert_eq!(refused.reject_reason, Some(RejectReason::InsufficientBalance));
    paper.show("A", &[], &[("0.50", 500)]);
    paper.poll().await;
    assert_eq!(paper.figures().cash, money("0.1225"));
    let events = paper.place(order("B", 2, BookSide::Bid, 1, "0.50")).await;
    assert_eq!(short(&events), ["sent", "rejected"], "spent");
    paper.check_books().await;
}

#[tokio::test]
async fn what_no_venue_would_take_is_refused() {
    async fn check(change: impl FnOnce(&mut Order), show: impl FnOnce(&Paper), reason: RejectReason) {
        let mut paper = Paper::new(SETTINGS);
        paper.show("A", &[], &[("0.40", 10)]);
        show(&paper);
        let mut wanted = bid("A", 5, "0.40");
        let approved = approve(wanted.clone());
        change(&mut wanted);
        let request = autotrader_domain::OrderRequest {
            client_order_id: approved.get().client_order_id.clone(),
            ticker: wanted.intent.ticker,
            side: wanted.intent.side,
            contracts: wanted.intent.contracts,
            limit: wanted.intent.limit,
            time_in_force: wanted.intent.time_in_force,
            reduce_only: wanted.reduce_only,
            post_only: false,
            exchange_index: 0,
            order_group: None,
        };
        let outcome = paper.gateway.place(&request, "").await.outcome;
        match outcome {
            PlaceOutcome::Rejected { reason: found, .. } => {
                assert_eq!(found, reason);
            }
            other => panic!("{other:?} instead of {reason:?}"),
        }
        assert!(paper.poll().await.is_empty());
    }
    let nothing = |_: &Paper| {};
    check(|o| o.intent.ticker = ticker("Z"), nothing, RejectReason::NotFound).await;
    check(
        |o| o.intent.limit = price("0.405"),
        nothing,
        RejectReason::InvalidPrice,
    )
    .await;
    check(
        |o| o.intent.contracts = Contracts::ZERO,
        nothing,
        RejectReason::InvalidOrder,
    )
    .await;
    check(
        |o| {
            o.reduce_only = true;
            o.intent.time_in_force = crate::kit::GTC;
        },
        nothing,
        RejectReason::InvalidOrder,
    )
    .await;
    let status = |status| {
        move |paper: &Paper| {
            let mut changed = market("A");
            changed.status = status;
            paper.gateway.on_market(&changed);
        }
    };
    check(
        |_| {},
        status(MarketStatus::Inactive),
        RejectReason::TradingPaused,
    )
    .await;
    check(|_| {}, status(MarketStatus::Closed), RejectReason::MarketInactive).await;
    let unpriced = |paper: &Paper| {
        let mut changed = market("A");
        changed.fees.fee_type = autotrader_domain::FeeType::Unsupported;
        paper.gateway.on_market(&changed);
    };
    check(|_| {}, unpriced, RejectReason::InvalidOrder).await;
}

#[tokio::test]
async fn an_id_is_used_once() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.40")).await;
    let request = paper
        .store
        .with(|rows| rows.orders.values().next().unwrap().1.request.clone());
    let again = |paper: &Paper| {
        let (gateway, request) = (paper.gateway.clone(), request.clone());
        async move { gateway.place(&request, "").await.outcome }
    };
    let refused = |outcome| {
        matches!(
            outcome,
            PlaceOutcome::Rejected {
                reason: RejectReason::DuplicateOrder,
                ..
            }
        )
    };
    assert!(refused(again(&paper).await));
    paper.show("A", &[], &[("0.40", 10)]);
    paper.poll().await;
    assert!(refused(again(&paper).await), "finished");
    let paper = paper.restart().await;
    assert!(refused(again(&paper).await), "and after a restart");
}

#[tokio::test]
async fn closing_cancels_and_settlement_pays_once() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.40")).await;
    paper.show("A", &[], &[("0.40", 10)]);
    paper.poll().await;
    paper
        .place(resting(order("A", 2, BookSide::Bid, 5, "0.20")))
        .await;
    let mut finished = market("A");
    finished.status = MarketStatus::Determined;
    finished.settlement_value = Some(price("0.75"));
    assert!(paper.gateway.on_market(&finished));
    assert_eq!(
        short(&paper.poll().await),
        ["canceled"],
        "provisional: no cash moves"
    );
    finished.status = MarketStatus::Finalized;
    assert!(paper.gateway.on_market(&finished));
    assert!(!paper.gateway.on_market(&finished), "once");
    assert_eq!(short(&paper.poll().await), ["settled A"]);
    assert_eq!(paper.figures().realized, money("1.75"));
    paper.check_books().await;
    let before = paper.figures();
    let mut paper = paper.restart().await;
    assert!(!paper.gateway.on_market(&finished), "nor after a restart");
    assert!(paper.poll().await.is_empty());
    assert_eq!(paper.figures().cash, before.cash);
}

#[tokio::test]
async fn a_restart_keeps_cash_positions_and_resting_orders() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.40")).await;
    paper.show("A", &[], &[("0.40", 10)]);
    paper.poll().await;
    paper
        .place(resting(order("A", 2, BookSide::Bid, 4, "0.30")))
        .await;
    paper.show("A", &[], &[("0.29", 1)]);
    paper.show("A", &[], &[("0.29", 2)]);
    paper.poll().await;
    paper.show("B", &[], &[("0.50", 10)]);
    paper.place(bid("B", 2, "0.50")).await;
    let before = paper.figures();
    let positions = paper.core.books.positions.clone();

    let mut paper = paper.restart().await;
    let after = paper.figures();
    assert_eq!(
        (after.cash, after.cost, after.fees, after.realized),
        (before.cash, before.cost, before.fees, before.realized)
    );
    assert_eq!(paper.core.books.positions, positions);
    // The order that was still arriving lost the book of its decision; the resting one rests on.
    assert_eq!(short(&paper.poll().await), ["canceled"]);
    assert_eq!(
        paper.core.orders[&"kat1-B-1".parse().unwrap()].state,
        OrderState::Canceled
    );
    paper.show("A", &[], &[("0.29", 9)]);
    let events = paper.poll().await;
    assert_eq!(short(&events), ["fill 1.00 at 0.3000", "filled"]);
    paper.check_books().await;
}

#[tokio::test]
async fn equal_inputs_give_equal_fills() {
    async fn run() -> Vec<Fill> {
        let mut paper = Paper::new(SETTINGS);
        paper.show("A", &[("0.38", 4)], &[("0.40", 3), ("0.41", 9)]);
        paper.place(bid("A", 7, "0.41")).await;
        paper.show("A", &[("0.38", 4)], &[("0.40", 2), ("0.41", 9)]);
        paper.poll().await;
        paper.core.fills
    }
    let fills = run().await;
    assert_eq!(fills, run().await);
    let paid: Vec<String> = fills
        .iter()
        .map(|fill| format!("{} at {}", fill.contracts, fill.price))
        .collect();
    assert_eq!(paid, ["2.00 at 0.4000", "1.00 at 0.4100", "4.00 at 0.4100"]);
    assert!(fills[0].fill_id.starts_with("paper-"));
}

#[tokio::test]
async fn a_week_leaves_sums_and_used_ids_and_nothing_else() {
    let mut paper = Paper::new(SETTINGS);
    paper.show("A", &[], &[("0.40", 10)]);
    paper.place(bid("A", 5, "0.40")).await;
    paper.show("A", &[], &[("0.40", 10)]);
    paper.poll().await;
    let request = paper
        .store
        .with(|rows| rows.orders.values().next().unwrap().1.request.clone());
    paper.clock.advance_to(paper.clock.now() + TimeDelta::days(7));
    paper.show("A", &[], &[("0.40", 10)]);
    assert!(paper.gateway.fills(start()).await.unwrap().is_empty());
    assert!(paper.gateway.snapshot(start()).await.unwrap().orders.is_empty());
    assert!(paper.poll().await.is_empty());
    paper.check_books().await;
    let again = paper.gateway.place(&request, "").await.outcome;
    assert!(matches!(
        again,
        PlaceOutcome::Rejected {
            reason: RejectReason::DuplicateOrder,
            ..
        }
    ));
}
