//! Questions about what was written.

use autotrader_domain::ports::{Ledger as _, OrderStore as _};
use autotrader_domain::{BookSide, EquityMark, OrderState, Record};
use autotrader_state::{Filter, History};

use crate::fixtures::{BODY, Home, at, fill, order, request, settlement, step, ticker};

#[tokio::test]
async fn orders_and_fills_are_filtered_and_limited() {
    let home = Home::new();
    let store = home.open();
    for (market, generation, seconds) in [("T-A", 1, 1), ("T-B", 1, 2), ("T-A", 2, 3)] {
        let mut order = order(market, generation);
        order.created_at = crate::fixtures::at(seconds);
        order.updated_at = order.created_at;
        store.commit_intent(&order, &request(&order), BODY).await.unwrap();
        store
            .update_order(&step(&order, OrderState::Abandoned, seconds), "given up", None)
            .await
            .unwrap();
        let id = format!("f{seconds}");
        store
            .record_fill(&fill(&id, market, BookSide::Bid, "0.5", 1, seconds))
            .await
            .unwrap();
    }
    let history = store.history();
    let check = |ticker_text: Option<&str>, since: Option<i64>, limit: Option<u32>, expected: &[&str]| {
        let filter = Filter {
            ticker: ticker_text.map(ticker),
            since: since.map(crate::fixtures::at),
            limit,
        };
        let orders: Vec<String> = history
            .orders(&filter)
            .unwrap()
            .iter()
            .map(|o| o.client_order_id.to_string())
            .collect();
        assert_eq!(orders, expected, "{filter:?}");
        assert_eq!(history.fills(&filter).unwrap().len(), expected.len());
    };
    check(None, None, None, &["kat1-T-A-1", "kat1-T-B-1", "kat1-T-A-2"]);
    check(Some("T-A"), None, None, &["kat1-T-A-1", "kat1-T-A-2"]);
    check(None, None, Some(2), &["kat1-T-B-1", "kat1-T-A-2"]);
    check(None, Some(2), None, &["kat1-T-B-1", "kat1-T-A-2"]);
    check(Some("T-A"), Some(2), Some(9), &["kat1-T-A-2"]);
    check(Some("T-C"), None, None, &[]);
    check(None, None, Some(0), &[]);
}

#[tokio::test]
async fn positions_follow_from_fills_and_settlements() {
    let home = Home::new();
    let store = home.open();
    for fill in [
        fill("f1", "T-A", BookSide::Bid, "0.40", 10, 1),
        fill("f2", "T-A", BookSide::Ask, "0.55", 4, 2),
        fill("f3", "T-B", BookSide::Ask, "0.30", 10, 90),
        // Learnt late, after another market's later fill.
        fill("f4", "T-A", BookSide::Bid, "0.60", 4, 3),
    ] {
        store.record_fill(&fill).await.unwrap();
    }
    store
        .record_settlement(&settlement("T-A", "1", 50))
        .await
        .unwrap();
    let positions = store.history().positions().unwrap();
    let of = |market: &str| positions[&ticker(market)];
    // 10 at 0.40, 4 sold at 0.55 (+0.60), 4 at 0.60, the 10 left cost 4.80 and pay 10.
    assert_eq!(of("T-A").net.to_string(), "0.00");
    assert_eq!(of("T-A").realized.to_string(), "5.800000");
    assert_eq!(of("T-A").fees.to_string(), "0.052500");
    assert_eq!(
        (of("T-B").net.to_string(), of("T-B").cost.to_string()),
        ("-10.00".into(), "7.000000".into())
    );
}

#[tokio::test]
async fn profit_falls_on_new_york_days() {
    let home = Home::new();
    let store = home.open();
    // The clock of the fixtures starts at 10:13 in New York on the 21st of September 2026.
    let day = 86_400;
    for fill in [
        fill("f1", "T-A", BookSide::Bid, "0.40", 10, 0),
        fill("f2", "T-A", BookSide::Ask, "0.55", 4, day / 2),
        fill("f3", "T-A", BookSide::Ask, "0.50", 1, day),
    ] {
        store.record_fill(&fill).await.unwrap();
    }
    store
        .record_settlement(&settlement("T-A", "0", 2 * day))
        .await
        .unwrap();
    // A market that was never held pays nothing.
    store
        .record_settlement(&settlement("T-B", "1", 2 * day))
        .await
        .unwrap();
    let days: Vec<String> = store
        .history()
        .daily_pnl()
        .unwrap()
        .iter()
        .map(|(date, day)| {
            format!(
                "{date} {} {} {} {}",
                day.realized, day.fees, day.fills, day.settlements
            )
        })
        .collect();
    assert_eq!(
        days,
        [
            "2026-09-21 0.600000 0.035000 2 0",
            "2026-09-22 0.100000 0.017500 1 0",
            "2026-09-23 -2.000000 0.000000 0 1",
        ]
    );
}

#[tokio::test]
async fn an_amended_result_replaces_the_first_in_every_answer() {
    let home = Home::new();
    let store = home.open();
    store
        .record_fill(&fill("f1", "T-A", BookSide::Bid, "0.40", 10, 0))
        .await
        .unwrap();
    store
        .record_settlement(&settlement("T-A", "1", 60))
        .await
        .unwrap();
    store
        .record_settlement(&settlement("T-A", "0", 90))
        .await
        .unwrap();
    let history = store.history();
    let position = history.positions().unwrap()[&ticker("T-A")];
    assert_eq!(position.realized.to_string(), "-4.000000");
    let realized: Vec<String> = history
        .daily_pnl()
        .unwrap()
        .values()
        .map(|day| day.realized.to_string())
        .collect();
    assert_eq!(realized, ["-4.000000"]);
    assert_eq!(
        history.settlements(&Filter::default()).unwrap().len(),
        2,
        "both stay on record"
    );
}

#[tokio::test]
async fn strategies_and_series_add_up_to_the_account() {
    let home = Home::new();
    let store = home.open();
    let order = order("T-A", 1);
    store.commit_intent(&order, &request(&order), BODY).await.unwrap();
    let ours = autotrader_domain::Fill {
        client_order_id: Some(order.client_order_id.clone()),
        ..fill("f1", "T-A", BookSide::Bid, "0.40", 10, 0)
    };
    let theirs = autotrader_domain::Fill {
        client_order_id: None,
        ..fill("f2", "U-B", BookSide::Ask, "0.30", 10, 5)
    };
    for fill in [&ours, &theirs] {
        store.record_fill(fill).await.unwrap();
    }
    store
        .record_settlement(&settlement("T-A", "1", 60))
        .await
        .unwrap();
    let history = store.history();
    let text = |parts: std::collections::BTreeMap<String, autotrader_state::PartPnl>| -> Vec<String> {
        parts
            .iter()
            .map(|(name, part)| format!("{name} {} {} {}", part.realized, part.fees, part.cost))
            .collect()
    };
    let strategy = &order.intent.strategy;
    assert_eq!(
        text(history.pnl_by_strategy().unwrap()),
        [
            "external 0.000000 0.017500 7.000000".to_owned(),
            format!("{strategy} 6.000000 0.017500 0.000000"),
        ]
    );
    let series = order.intent.series.to_string();
    assert_eq!(
        text(history.pnl_by_series().unwrap()),
        [
            format!("{series} 6.000000 0.017500 0.000000"),
            "U 0.000000 0.017500 7.000000".to_owned(),
        ]
    );
}

#[tokio::test]
async fn what_losses_count_from_outlives_the_process() {
    let home = Home::new();
    let mark = |day: &str, seconds: i64, equity: &str| EquityMark {
        at: at(seconds),
        day: day.parse().unwrap(),
        equity: equity.parse().unwrap(),
        day_open: "12.5".parse().unwrap(),
        peak: "20".parse().unwrap(),
    };
    let marks = [
        mark("2026-10-31", 0, "11"),
        mark("2026-11-01", 10, "12"),
        mark("2026-11-01", 20, "9"),
    ];
    let store = home.open();
    assert_eq!(store.restore().await.unwrap().equity, None);
    store
        .record(marks.iter().copied().map(Record::Equity).collect())
        .await
        .unwrap();
    drop(store);
    let store = home.open();
    assert_eq!(store.restore().await.unwrap().equity, Some(marks[2]));
    let days = store.history().daily_equity().unwrap();
    assert_eq!(
        days.values().copied().collect::<Vec<_>>(),
        [(marks[0], marks[0]), (marks[1], marks[2])]
    );
}

#[tokio::test]
async fn reading_works_beside_a_running_store_and_sees_its_commits() {
    let home = Home::new();
    let store = home.open();
    let history = History::open(&home.url()).unwrap();
    assert!(history.orders(&Filter::default()).unwrap().is_empty());
    let order = order("T-A", 1);
    store.commit_intent(&order, &request(&order), BODY).await.unwrap();
    assert_eq!(
        history.orders(&Filter::default()).unwrap(),
        std::slice::from_ref(&order)
    );
    drop(store);
    assert_eq!(history.order(&order.client_order_id).unwrap(), Some(order));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_one_consistent_state_while_the_writer_works() {
    let home = Home::new();
    let store = home.open();
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let history = store.history();
            tokio::task::spawn_blocking(move || {
                let mut seen = 0;
                while seen < 100 {
                    let restored = history.restored().unwrap();
                    let (fills, settlements) = (restored.fills.len(), restored.settlements.len());
                    // Fills are read before settlements; a state that moved in between would show more of the latter.
                    assert!(
                        settlements == fills || settlements == fills + 1,
                        "{fills} {settlements}"
                    );
                    assert!(fills >= seen, "commits do not vanish");
                    seen = fills;
                }
            })
        })
        .collect();
    for index in 0..100 {
        let market = format!("T-{index}");
        store
            .record_settlement(&settlement(&market, "1", index))
            .await
            .unwrap();
        store
            .record_fill(&fill(&market, &market, BookSide::Bid, "0.5", 1, index))
            .await
            .unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(store.restore().await.unwrap().fills.len(), 100);
}
