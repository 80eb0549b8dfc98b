use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use autotrader_domain::ports::{
    AccountSnapshot, AccountSource, Answered, CancelAccountOutcome, CancelOutcome, Clock, FeedError,
    OrderGateway, PlaceOutcome, VenueOrder,
};
use autotrader_domain::{
    BookSide, ClientOrderId, Contracts, Fill, Liquidity, ManualClock, Money, OrderRequest, OrderState, Price,
    RejectReason, SettlementRecord, Ticker, TimeInForce, VenueOrderId,
};
use autotrader_execution::AccountBooks;
use chrono::{DateTime, TimeDelta, Utc};

/// What happens to the next submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It does not leave the machine.
    NotSent,
    /// The venue refuses it.
    Reject(RejectReason),
    /// It arrives, this many contracts fill at once, and the answer comes.
    Accept { fills: u32 },
    /// It arrives and fills, but the answer is lost.
    LoseAnswer { fills: u32 },
    /// It does not arrive, and no answer comes.
    LoseRequest,
    /// The process dies while it waits for the answer; the request arrived, or not.
    Hang { arrives: bool, fills: u32 },
}

/// A venue that follows a script, in memory.
#[derive(Debug)]
pub struct Venue {
    clock: Arc<ManualClock>,
    floor: Mutex<Floor>,
}

#[derive(Debug)]
pub struct Floor {
    /// What happens to submissions, in turn; without a plan they are accepted and rest.
    pub plans: VecDeque<Plan>,
    /// Answers to cancels, in turn, in place of the true ones.
    pub cancels: VecDeque<CancelOutcome>,
    /// Answers to cancels of the whole account, likewise.
    pub account_cancels: VecDeque<CancelAccountOutcome>,
    /// Errors of reads, in turn.
    pub failures: VecDeque<FeedError>,
    /// How many reads succeed before one fails with an error.
    pub fails_after: Option<(u32, FeedError)>,
    /// How many of the next reads show no fills.
    pub blind_reads: u32,
    /// How many of the next reads of single orders show them as they were placed.
    pub lagging_reads: u32,
    /// Whether listings lack every order, as a venue that breaks its word.
    pub hides_orders: bool,
    /// Whether ids once taken are refused; otherwise a second submission of an order that arrived ends the test.
    pub remembers_ids: bool,
    /// How old listings are; `None` when the venue does not say.
    pub lag: Option<TimeDelta>,
    /// Collateral that NO positions of mutually exclusive events could give back.
    pub collateral_return: Money,
    /// Whether the account has netting enabled.
    pub netting: bool,
    pub orders: BTreeMap<VenueOrderId, VenueOrder>,
    pub fills: Vec<Fill>,
    pub settlements: Vec<SettlementRecord>,
    pub books: AccountBooks,
    pub placed: Vec<OrderRequest>,
    pub canceled: Vec<VenueOrderId>,
    pub reads: u32,
    next_fill: u32,
}

impl Venue {
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            floor: Mutex::new(Floor {
                plans: VecDeque::new(),
                cancels: VecDeque::new(),
                account_cancels: VecDeque::new(),
                failures: VecDeque::new(),
                fails_after: None,
                blind_reads: 0,
                lagging_reads: 0,
                hides_orders: false,
                remembers_ids: false,
                lag: Some(TimeDelta::zero()),
                collateral_return: Money::ZERO,
                netting: false,
                orders: BTreeMap::new(),
                fills: Vec::new(),
                settlements: Vec::new(),
                books: AccountBooks::opening(Money::dollars(1_000)),
                placed: Vec::new(),
                canceled: Vec::new(),
                reads: 0,
                next_fill: 0,
            }),
        }
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut Floor) -> T) -> T {
        f(&mut self.floor.lock().unwrap())
    }

    pub fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        self.with(|floor| floor.plans.extend(plans));
    }

    /// Somebody trades with an order that rests.
    pub fn fill(&self, venue: &VenueOrderId, contracts: u32, side: BookSide, price: Price) {
        let at = self.clock.now();
        self.with(|floor| floor.fill(venue, Contracts::whole(contracts), side, price, at));
    }

    /// A person trades on the account by hand.
    pub fn stranger(&self, name: &str, client_order_id: Option<&str>, contracts: u32, price: Price) {
        let at = self.clock.now();
        self.with(|floor| {
            let venue: VenueOrderId = format!("manual-{}", floor.orders.len()).parse().unwrap();
            let contracts = Contracts::whole(contracts);
            floor.orders.insert(
                venue.clone(),
                VenueOrder {
                    venue_order_id: venue.clone(),
                    client_order_id: client_order_id.map(str::to_owned),
                    ticker: name.parse().unwrap(),
                    state: OrderState::Resting,
                    filled: Contracts::ZERO,
                    remaining: contracts,
                },
            );
            floor.fill(&venue, contracts, BookSide::Bid, price, at);
        });
    }

    /// Pays a market out; again is an amendment, which the venue lists in the place of the first.
    pub fn settle(&self, name: &str, yes_value: Price) {
        let record = SettlementRecord {
            ticker: name.parse().unwrap(),
            yes_value,
            fee: Money::ZERO,
            settled_at: self.clock.now(),
        };
        self.with(|floor| {
            floor.books.settle(&record).unwrap();
            floor.settlements.retain(|paid| paid.ticker != record.ticker);
            floor.settlements.push(record);
        });
    }

    /// The venue's id of one of our orders.
    pub fn id_of(&self, id: &ClientOrderId) -> VenueOrderId {
        self.with(|floor| {
            let found = floor
                .orders
                .values()
                .find(|o| o.client_order_id.as_deref() == Some(id.as_str()));
            found.unwrap().venue_order_id.clone()
        })
    }

    /// The exchange takes an order off the book by itself.
    pub fn remove(&self, venue: &VenueOrderId) {
        self.with(|floor| {
            let order = floor.orders.get_mut(venue).unwrap();
            order.state = OrderState::Canceled;
            order.remaining = Contracts::ZERO;
        });
    }
}

impl Floor {
    fn arrive(&mut self, request: &OrderRequest, fills: u32, at: DateTime<Utc>) -> VenueOrderId {
        let venue: VenueOrderId = format!("v-{}", request.client_order_id).parse().unwrap();
        let order = VenueOrder {
            venue_order_id: venue.clone(),
            client_order_id: Some(request.client_order_id.as_str().to_owned()),
            ticker: request.ticker.clone(),
            state: OrderState::Resting,
            filled: Contracts::ZERO,
            remaining: request.contracts,
        };
        assert!(
            self.orders.insert(venue.clone(), order).is_none(),
            "{venue} submitted twice"
        );
        let whole = fills.min(u32::try_from(request.contracts.raw() / 100).unwrap());
        // One by one, so that there are several fills to lose or double.
        for _ in 0..whole {
            self.fill(&venue, Contracts::whole(1), request.side, request.limit, at);
        }
        let order = self.orders.get_mut(&venue).unwrap();
        let rests = matches!(request.time_in_force, TimeInForce::GoodTillCanceled { .. });
        if !rests && order.state == OrderState::Resting {
            order.state = OrderState::Canceled;
            order.remaining = Contracts::ZERO;
        }
        venue
    }

    fn fill(
        &mut self,
        venue: &VenueOrderId,
        contracts: Contracts,
        side: BookSide,
        price: Price,
        at: DateTime<Utc>,
    ) {
        let order = self.orders.get_mut(venue).unwrap();
        order.filled = order.filled.checked_add(contracts).unwrap();
        order.remaining = order.remaining.checked_sub(contracts).unwrap();
        if order.remaining.is_zero() {
            order.state = OrderState::Filled;
        }
        self.next_fill += 1;
        let fill = Fill {
            fill_id: format!("f-{}", self.next_fill),
            venue_order_id: venue.clone(),
            client_order_id: None,
            ticker: order.ticker.clone(),
            side,
            price,
            contracts,
            fee: Money::micros(1_700),
            liquidity: Liquidity::Taker,
            filled_at: at,
        };
        self.books.book(&fill).unwrap();
        self.fills.push(fill);
    }

    pub fn fail_after(&mut self, reads: u32, error: FeedError) {
        self.fails_after = Some((reads, error));
    }

    fn read(&mut self) -> Result<(), FeedError> {
        self.reads += 1;
        match self.fails_after.take() {
            Some((0, error)) => return Err(error),
            Some((left, error)) => self.fails_after = Some((left - 1, error)),
            None => {}
        }
        self.failures.pop_front().map_or(Ok(()), Err)
    }

    fn visible_fills(&mut self, since: DateTime<Utc>) -> Vec<Fill> {
        if self.blind_reads > 0 {
            self.blind_reads -= 1;
            return Vec::new();
        }
        self.fills
            .iter()
            .filter(|fill| fill.filled_at >= since)
            .cloned()
            .collect()
    }

    fn settled_since(&self, since: DateTime<Utc>) -> Vec<SettlementRecord> {
        self.settlements
            .iter()
            .filter(|settled| settled.settled_at >= since)
            .cloned()
            .collect()
    }
}

#[async_trait]
impl OrderGateway for Venue {
    fn render(&self, request: &OrderRequest) -> String {
        format!("{request:?}")
    }

    async fn place(&self, request: &OrderRequest, body: &str) -> Answered<PlaceOutcome> {
        assert_eq!(body, self.render(request), "the stored body is what is sent");
        let at = self.clock.now();
        let (plan, answer) = self.with(|floor| {
            floor.placed.push(request.clone());
            let mut plan = floor.plans.pop_front().unwrap_or(Plan::Accept { fills: 0 });
            let id = request.client_order_id.as_str();
            let taken = |order: &VenueOrder| order.client_order_id.as_deref() == Some(id);
            if floor.remembers_ids && floor.orders.values().any(taken) {
                plan = Plan::Reject(RejectReason::DuplicateOrder);
            }
            let accepted = |floor: &mut Floor, fills| {
                let venue_order_id = floor.arrive(request, fills, at);
                let order = &floor.orders[&venue_order_id];
                PlaceOutcome::Accepted {
                    filled: order.filled,
                    remaining: order.remaining,
                    venue_order_id,
                }
            };
            let lost = PlaceOutcome::Unknown {
                detail: "no answer".into(),
            };
            let answer = match plan {
                Plan::NotSent => PlaceOutcome::NotSent {
                    detail: "no connection".into(),
                },
                Plan::Reject(reason) => PlaceOutcome::Rejected {
                    reason,
                    detail: "says the venue".into(),
                },
                Plan::Accept { fills } => accepted(floor, fills),
                Plan::LoseAnswer { fills } | Plan::Hang { arrives: true, fills } => {
                    accepted(floor, fills);
                    lost
                }
                Plan::LoseRequest | Plan::Hang { arrives: false, .. } => lost,
            };
            (plan, answer)
        });
        if matches!(plan, Plan::Hang { .. }) {
            std::future::pending::<()>().await;
        }
        let heard = !matches!(
            answer,
            PlaceOutcome::NotSent { .. } | PlaceOutcome::Unknown { .. }
        );
        Answered {
            answer: heard.then(|| format!("{plan:?}")),
            outcome: answer,
        }
    }

    async fn cancel(&self, _: &Ticker, venue: &VenueOrderId) -> Answered<CancelOutcome> {
        self.with(|floor| {
            floor.canceled.push(venue.clone());
            let truth = match floor.orders.get_mut(venue) {
                Some(order) if order.state == OrderState::Resting => {
                    let reduced_by = order.remaining;
                    order.state = OrderState::Canceled;
                    order.remaining = Contracts::ZERO;
                    CancelOutcome::Canceled { reduced_by }
                }
                _ => CancelOutcome::NotOnBook,
            };
            let outcome = floor.cancels.pop_front().unwrap_or(truth);
            Answered {
                answer: Some(format!("{outcome:?}")),
                outcome,
            }
        })
    }

    async fn cancel_account(&self) -> Answered<CancelAccountOutcome> {
        self.with(|floor| {
            for order in floor.orders.values_mut() {
                if order.state == OrderState::Resting {
                    order.state = OrderState::Canceled;
                    order.remaining = Contracts::ZERO;
                }
            }
            let outcome = floor.account_cancels.pop_front();
            Answered::unheard(outcome.unwrap_or(CancelAccountOutcome::Done))
        })
    }
}

#[async_trait]
impl AccountSource for Venue {
    async fn snapshot(&self, since: DateTime<Utc>) -> Result<AccountSnapshot, FeedError> {
        let now = self.clock.now();
        self.with(|floor| {
            floor.read()?;
            Ok(AccountSnapshot {
                as_of: floor.lag.map(|lag| now - lag),
                orders: if floor.hides_orders {
                    Vec::new()
                } else {
                    floor.orders.values().cloned().collect()
                },
                fills: floor.visible_fills(since),
                positions: floor
                    .books
                    .nets()
                    .into_iter()
                    .map(|(ticker, net)| (ticker.clone(), net))
                    .collect(),
                balance: floor.books.cash.unwrap().saturating_add(if floor.netting {
                    floor.collateral_return
                } else {
                    Money::ZERO
                }),
                collateral_return: floor.collateral_return,
                settlements: floor.settled_since(since),
            })
        })
    }

    async fn fills(&self, since: DateTime<Utc>) -> Result<Vec<Fill>, FeedError> {
        self.with(|floor| {
            floor.read()?;
            Ok(floor.visible_fills(since))
        })
    }

    async fn settlements(&self, since: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError> {
        self.with(|floor| {
            floor.read()?;
            Ok(floor.settled_since(since))
        })
    }

    async fn order(&self, venue: &VenueOrderId) -> Result<VenueOrder, FeedError> {
        self.with(|floor| {
            floor.read()?;
            let order = floor.orders.get(venue).cloned();
            let mut order = order.ok_or_else(|| FeedError::Refused("not found".into()))?;
            if floor.lagging_reads > 0 {
                floor.lagging_reads -= 1;
                order.remaining = order.remaining.checked_add(order.filled).unwrap();
                order.filled = Contracts::ZERO;
                order.state = OrderState::Resting;
            }
            Ok(order)
        })
    }
}
