//! The band around the paper account's profit, and what arrives on a book that has moved.

use autotrader_domain::ports::{AccountSource, Clock, OrderGateway};
use autotrader_domain::{BookSide, Contracts, Money, Price, RejectReason};
use autotrader_execution::ExecutionEvent;
use autotrader_execution::paper::PaperBand;

use crate::kit::{Paper, SETTINGS, bid, market, money, order, price, resting, short, ticker};

/// A paper account that has seen a market at 0.38 to 0.40 with ten contracts on each side.
fn paper() -> Paper {
    let paper = Paper::new(SETTINGS);
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    paper
}

fn settle(paper: &Paper, value: &str) {
    let yes_value: Price = value.parse().unwrap();
    paper
        .gateway
        .on_market_settled(&ticker("A"), yes_value, paper.clock.now());
}

#[track_caller]
fn check(paper: &Paper, pessimistic: &str, optimistic: &str) {
    let expected = PaperBand {
        pessimistic: money(pessimistic),
        optimistic: money(optimistic),
    };
    assert_eq!(paper.figures().band, expected);
}

#[tokio::test]
async fn open_positions_are_read_at_what_they_fetch_and_at_the_middle() {
    let mut paper = paper();
    check(&paper, "0", "0");
    paper.place(bid("A", 10, "0.40")).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    // Bought at 0.40 with a fee of 0.07 · 10 · 0.4 · 0.6; sold at 0.38 now, the middle is 0.39.
    check(&paper, "-0.368", "-0.268");
    paper.show("A", &[("0.38", 4), ("0.30", 1)], &[("0.40", 10)]);
    // Four at 0.38, one at 0.30, and for five there is nobody.
    check(&paper, "-2.348", "-0.268");
    paper.show("A", &[("0.38", 10)], &[]);
    check(&paper, "-0.368", "-0.368");
}

#[tokio::test]
async fn a_short_position_is_read_alike() {
    let mut paper = paper();
    paper.place(order("A", 1, BookSide::Ask, 10, "0.38")).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    // 10 NO at 0.62 with a fee of 0.07 · 10 · 0.38 · 0.62, worth 0.60 when closed at 0.40.
    check(&paper, "-0.365", "-0.265");
    paper.show("A", &[("0.38", 10)], &[]);
    // Nobody sells what would close it.
    check(&paper, "-6.365", "-6.365");
}

#[tokio::test]
async fn a_missed_contract_widens_the_band_on_the_side_it_went() {
    for (value, pessimistic, optimistic) in [("1", "0", "5.832"), ("0", "-4.168", "0")] {
        let mut paper = paper();
        paper.place(bid("A", 10, "0.40")).await;
        paper.show("A", &[("0.41", 10)], &[("0.43", 10)]);
        assert_eq!(short(&paper.poll().await), ["canceled"], "the market ran away");
        settle(&paper, value);
        check(&paper, pessimistic, optimistic);
        assert_eq!(paper.figures().cash, SETTINGS.bankroll);
    }
}

#[tokio::test]
async fn a_cancel_on_the_way_is_a_miss_once_the_order_has_arrived() {
    let mut paper = paper();
    let taker = bid("A", 10, "0.40");
    paper.place(taker.clone()).await;
    paper.executor.cancel(&taker.client_order_id).await;
    settle(&paper, "0");
    check(&paper, "0", "0");
    let mut paper = self::paper();
    paper.place(taker.clone()).await;
    paper.clock.advance_to(paper.clock.now() + SETTINGS.latency);
    paper.executor.cancel(&taker.client_order_id).await;
    settle(&paper, "0");
    check(&paper, "-4.168", "0");
}

#[tokio::test]
async fn a_touched_maker_may_have_been_served_and_a_later_fill_is_counted_once() {
    let mut paper = paper();
    paper.place(resting(bid("A", 10, "0.39"))).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    let now = paper.clock.now();
    paper
        .gateway
        .on_trade(&ticker("A"), price("0.39"), Contracts::whole(4), now);
    assert_eq!(paper.poll().await, [], "a trade at the level is not through it");
    // Four bought at 0.39 without a fee: sold at 0.38, and nothing at the middle.
    check(&paper, "-0.04", "0");
    paper
        .gateway
        .on_trade(&ticker("A"), price("0.38"), Contracts::whole(10), now);
    assert_eq!(short(&paper.poll().await), ["fill 10.00 at 0.3900", "filled"]);
    check(&paper, "-0.1", "0");
    settle(&paper, "1");
    check(&paper, "6.1", "6.1");
}

#[tokio::test]
async fn an_exit_closes_what_was_missed_in_proportion() {
    let mut paper = paper();
    paper.place(bid("A", 10, "0.40")).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 5)]);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 5.00 at 0.4000", "partially_filled", "canceled"]
    );
    paper.show("A", &[("0.50", 10)], &[("0.52", 10)]);
    let mut exit = order("A", 2, BookSide::Ask, 5, "0.50");
    exit.reduce_only = true;
    paper.place(exit).await;
    paper.show("A", &[("0.50", 10)], &[("0.52", 10)]);
    paper.poll().await;
    settle(&paper, "0");
    // Five made ten cents each, less 0.084 and 0.0875 of fees; the missed five would have done the same.
    check(&paper, "0.3285", "0.657");
}

#[tokio::test]
async fn what_the_decision_did_not_offer_costs_the_limit_when_the_market_has_come_through() {
    let mut paper = paper();
    paper.place(resting(bid("A", 10, "0.39"))).await;
    paper.show("A", &[("0.35", 10)], &[("0.37", 4), ("0.39", 9)]);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 4.00 at 0.3900", "partially_filled"]
    );
    assert_eq!(paper.figures().fees, money("0.0667"), "it took");
}

#[tokio::test]
async fn a_post_only_order_makes_or_is_refused() {
    let mut paper = paper();
    let mut crossing = resting(bid("A", 10, "0.40"));
    crossing.intent.post_only = true;
    let events = paper.place(crossing).await;
    let refused = events.iter().any(|event| {
        matches!(event, ExecutionEvent::Order(update)
            if update.order.reject_reason == Some(RejectReason::PostOnlyCross))
    });
    assert!(refused, "{events:?}");
    let mut maker = resting(order("A", 2, BookSide::Bid, 10, "0.39"));
    maker.intent.post_only = true;
    paper.place(maker).await;
    paper.show("A", &[("0.35", 10)], &[("0.37", 4), ("0.39", 9)]);
    assert_eq!(
        short(&paper.poll().await),
        ["fill 4.00 at 0.3900", "partially_filled"]
    );
    assert_eq!(paper.figures().fees, Money::ZERO, "it made");
}

#[tokio::test]
async fn a_position_without_a_book_counts_at_its_cost() {
    let mut paper = paper();
    paper.place(bid("A", 10, "0.40")).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    paper.poll().await;
    let paper = paper.restart().await;
    paper.gateway.on_market(&market("A"));
    check(&paper, "-0.168", "-0.168");
    paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
    check(&paper, "-0.368", "-0.268");
}

#[tokio::test]
async fn a_taker_that_would_meet_the_accounts_own_order_is_cancelled_there() {
    let mut paper = paper();
    paper
        .place(resting(order("A", 1, BookSide::Ask, 5, "0.42")))
        .await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 3), ("0.41", 3), ("0.42", 9)]);
    let mut request = paper
        .store
        .with(|rows| rows.orders.values().next().unwrap().1.request.clone());
    request.client_order_id = "kat1-other-1".parse().unwrap();
    request.side = BookSide::Bid;
    request.contracts = Contracts::whole(12);
    request.limit = price("0.45");
    request.time_in_force = autotrader_domain::TimeInForce::ImmediateOrCancel;
    let body = paper.gateway.render(&request);
    paper.gateway.place(&request, &body).await;
    paper.show("A", &[("0.38", 10)], &[("0.40", 3), ("0.41", 3), ("0.42", 9)]);
    let filled: Vec<String> = paper
        .gateway
        .fills(crate::kit::start())
        .await
        .unwrap()
        .iter()
        .map(|fill| format!("{} at {}", fill.contracts, fill.price))
        .collect();
    assert_eq!(filled, ["3.00 at 0.4000", "3.00 at 0.4100"]);
}

#[tokio::test]
async fn without_trades_what_leaves_the_top_of_the_book_may_have_been_traded() {
    for (sees_trades, pessimistic) in [(true, "0"), (false, "-0.2")] {
        let mut paper = Paper::new(autotrader_execution::paper::PaperSettings {
            sees_trades,
            ..SETTINGS
        });
        paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
        paper.place(resting(bid("A", 20, "0.38"))).await;
        paper.show("A", &[("0.38", 10)], &[("0.40", 10)]);
        paper.show("A", &[("0.36", 4), ("0.34", 20)], &[("0.40", 10)]);
        assert_eq!(paper.poll().await, [], "nothing went through");
        // Ten that were bid for at 0.38 are gone: sold to us, they fetch 0.36 now, and 0.38 at the middle.
        check(&paper, pessimistic, "0");
    }
}
