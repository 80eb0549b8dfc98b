//! The pre-trade checks, one struct each, in the order they are asked.

use autotrader_domain::ports::RiskCheck;
use autotrader_domain::{
    BookSide, Claim, Contracts, FeeRounding, Liquidity, Money, Net, Order, OrderState, Portfolio as Holdings,
    Purpose, Reason, Refusal, RiskView, Ticker, TimeInForce,
};

use crate::exposure::{cost_at_stake, event_exposure, reserved, worst_net};
use crate::freshness::{Fresh, Open};
use crate::states::{exposure_of_check, worst_state};
use crate::{EventExposureMode, Limits};

/// The checks of an entry or exit under `limits`, in the order they are asked.
pub(crate) fn standard(limits: &Limits) -> Vec<Box<dyn RiskCheck>> {
    vec![
        Box::new(Grid),
        Box::new(Open),
        Box::new(Fresh {
            max_feed_age: limits.max_feed_age,
            max_board_age: limits.max_board_age,
            max_book_age: limits.max_book_age,
        }),
        Box::new(OneOrderPerContract),
        Box::new(Size {
            max: limits.max_order_contracts,
        }),
        Box::new(ExitReduces),
        Box::new(Collar {
            raw: limits.price_collar_raw,
        }),
        Box::new(PerContract {
            max: limits.max_position_per_contract,
        }),
        Box::new(PerEvent {
            max: limits.max_position_per_event,
            mode: limits.event_exposure_mode,
        }),
        Box::new(WorstState {
            max: limits.max_worst_state_loss,
        }),
        Box::new(PerLab {
            max: limits.max_lab_exposure,
        }),
        Box::new(Portfolio {
            bp: limits.max_portfolio_exposure_bp,
        }),
        Box::new(Collateral),
    ]
}

fn is_entry(order: &Order) -> bool {
    order.intent.purpose == Purpose::Entry
}

fn refuse_above(reason: Reason, found: Money, max: Money, what: &str) -> Result<(), Refusal> {
    if found > max {
        Err(Refusal::new(
            reason,
            format!("{what} would be {found} of {max} dollars."),
        ))
    } else {
        Ok(())
    }
}

/// The price must be one at which orders may rest.
#[derive(Debug)]
struct Grid;

impl RiskCheck for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        let intent = &order.intent;
        match view.markets.get(&intent.ticker) {
            Some(market) if market.grid.allows(intent.limit) => Ok(()),
            Some(_) => Err(Refusal::new(
                Reason::OffGrid,
                format!("{} is not a price of {}.", intent.limit, intent.ticker),
            )),
            None => Err(Refusal::new(
                Reason::OffGrid,
                format!("{} is not a known market.", intent.ticker),
            )),
        }
    }
}

/// One unfinished order per contract: ids advance only when their predecessor is finished.
///
/// While the outcome of every unfinished order of a contract is unknown, an immediate reduce-only order may pass: what it
/// may close is bounded by [`ExitReduces`], which counts the unknown ones as filled.
#[derive(Debug)]
struct OneOrderPerContract;

impl RiskCheck for OneOrderPerContract {
    fn name(&self) -> &'static str {
        "one_order_per_contract"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        let immediate = order.intent.time_in_force == TimeInForce::ImmediateOrCancel;
        let may_pass_unknown = order.intent.purpose.reduces() && order.reduce_only && immediate;
        let in_the_way = view
            .portfolio
            .orders_on(&order.intent.ticker)
            .find(|open| !(may_pass_unknown && open.state == OrderState::Unknown));
        match in_the_way {
            Some(open) if open.state == OrderState::Unknown => Err(Refusal::new(
                Reason::UnknownOrder,
                format!("The outcome of {} is not known.", open.client_order_id),
            )),
            Some(open) => Err(Refusal::new(
                Reason::OrderInFlight,
                format!("{} is {}.", open.client_order_id, open.state.as_str()),
            )),
            None => Ok(()),
        }
    }
}

/// No empty and no oversized orders.
#[derive(Debug)]
struct Size {
    max: Contracts,
}

impl RiskCheck for Size {
    fn name(&self) -> &'static str {
        "size"
    }

    fn check(&self, order: &Order, _: &RiskView<'_>) -> Result<(), Refusal> {
        let contracts = order.intent.contracts;
        if contracts.is_zero() {
            return Err(Refusal::new(
                Reason::BelowMinimumSize,
                "The order is for nothing.",
            ));
        }
        if is_entry(order) && contracts > self.max {
            return Err(Refusal::new(
                Reason::SizeLimit,
                format!("{contracts} of {} contracts.", self.max),
            ));
        }
        Ok(())
    }
}

/// An exit closes at most what is held and no unfinished order may close already, in the closing direction; reduce-only
/// needs immediate-or-cancel.
#[derive(Debug)]
struct ExitReduces;

impl RiskCheck for ExitReduces {
    fn name(&self) -> &'static str {
        "exit_reduces"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if order.reduce_only && order.intent.time_in_force != TimeInForce::ImmediateOrCancel {
            return Err(Refusal::new(
                Reason::ReduceOnly,
                "The exchange takes reduce-only orders as immediate-or-cancel only.",
            ));
        }
        if is_entry(order) {
            return Ok(());
        }
        let intent = &order.intent;
        let net = view.portfolio.position(&intent.ticker).net;
        let under_way = closing_orders(view.portfolio, &intent.ticker, net);
        let closing = net
            .reduced_by(intent.side, intent.contracts)
            .min(net.size().saturating_sub(under_way));
        if closing == intent.contracts {
            Ok(())
        } else {
            Err(Refusal::new(
                Reason::ReduceOnly,
                format!(
                    "An exit of {} would close only {closing} of a position of {net}, of which {under_way} may be closing.",
                    intent.contracts
                ),
            ))
        }
    }
}

/// What unfinished orders of a contract, unknown ones included, may close of a position.
fn closing_orders(portfolio: &Holdings, ticker: &Ticker, net: Net) -> Contracts {
    portfolio
        .orders_on(ticker)
        .filter(|open| !net.reduced_by(open.intent.side, Contracts::whole(1)).is_zero())
        .fold(Contracts::ZERO, |sum, open| {
            sum.checked_add(open.open_contracts()).unwrap_or(sum)
        })
}

/// A limit may not lie far beyond the best price it would take.
#[derive(Debug)]
struct Collar {
    raw: i64,
}

impl RiskCheck for Collar {
    fn name(&self) -> &'static str {
        "collar"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let intent = &order.intent;
        let Some(best) = view
            .books
            .get(&intent.ticker)
            .and_then(|book| book.against(intent.side).next())
        else {
            // Nothing to take: a resting order cannot be too aggressive, an immediate one simply finds nothing.
            return Ok(());
        };
        let beyond = match intent.side {
            BookSide::Bid => intent.limit.raw() - best.price.raw(),
            BookSide::Ask => best.price.raw() - intent.limit.raw(),
        };
        if beyond > self.raw {
            return Err(Refusal::new(
                Reason::PriceCollar,
                format!(
                    "The limit {} lies {beyond} ten-thousandths beyond {}.",
                    intent.limit, best.price
                ),
            ));
        }
        Ok(())
    }
}

/// Position limit of one contract.
#[derive(Debug)]
struct PerContract {
    max: Contracts,
}

impl RiskCheck for PerContract {
    fn name(&self) -> &'static str {
        "per_contract"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        let worst = worst_net(view.portfolio, &order.intent.ticker, Some(order));
        if is_entry(order) && worst > self.max {
            return Err(Refusal::new(
                Reason::ContractLimit,
                format!("{worst} of {} contracts.", self.max),
            ));
        }
        Ok(())
    }
}

/// Position limit of one event.
#[derive(Debug)]
struct PerEvent {
    max: Contracts,
    mode: EventExposureMode,
}

impl RiskCheck for PerEvent {
    fn name(&self) -> &'static str {
        "per_event"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let exposure = event_exposure(view.portfolio, view.markets, order);
        let counted = match self.mode {
            EventExposureMode::Gross => exposure.gross,
            EventExposureMode::Net => exposure.net,
        };
        if counted > self.max {
            return Err(Refusal::new(
                Reason::EventLimit,
                format!("{counted} of {} contracts in {}.", self.max, order.intent.event),
            ));
        }
        Ok(())
    }
}

/// The worst state of the check, both series together, may not lose too much.
#[derive(Debug)]
struct WorstState {
    max: Money,
}

impl RiskCheck for WorstState {
    fn name(&self) -> &'static str {
        "worst_state"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let states = exposure_of_check(
            order.intent.check_time,
            view.portfolio,
            view.mappings,
            Some(order),
        );
        let Some(worst) = worst_state(&states) else {
            return Ok(());
        };
        let loss = worst.pnl.min(Money::ZERO).negated();
        refuse_above(Reason::WorstStateLoss, loss, self.max, "The worst state's loss")
    }
}

/// Cost at stake on one lab, across both series.
#[derive(Debug)]
struct PerLab {
    max: Money,
}

impl RiskCheck for PerLab {
    fn name(&self) -> &'static str {
        "per_lab"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let lab = order.intent.claim.organization();
        // What belongs to no known lab may belong to this one, and this order to any.
        let cost = cost_at_stake(view.portfolio, view.mappings, order, |claim| {
            let other = claim.and_then(Claim::organization);
            lab.is_none() || other.is_none() || other == lab
        });
        refuse_above(Reason::LabLimit, cost, self.max, "The cost at stake on the lab")
    }
}

/// Cost at stake in all, against equity.
#[derive(Debug)]
struct Portfolio {
    bp: u32,
}

impl RiskCheck for Portfolio {
    fn name(&self) -> &'static str {
        "portfolio"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let cost = cost_at_stake(view.portfolio, view.mappings, order, |_| true);
        let max = view
            .equity
            .fraction(i64::from(self.bp), 10_000)
            .unwrap_or(Money::ZERO);
        refuse_above(Reason::PortfolioLimit, cost, max, "The cost at stake")
    }
}

/// The shard whose collateral our books keep. Source: the exchange's notes on sharding, where every category that is not
/// named, the leaderboard contracts among them, is on this one.
const DEFAULT_SHARD: i32 = 0;

/// Spendable collateral on the market's shard after what open orders may use, fees included.
///
/// What open exits would free does not count: it does once they have filled. Collateral is not shared between shards, and
/// what lies on any but the default one is not known: nothing is spent there.
#[derive(Debug)]
struct Collateral;

impl RiskCheck for Collateral {
    fn name(&self) -> &'static str {
        "collateral"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if !is_entry(order) {
            return Ok(());
        }
        let market = view.markets.get(&order.intent.ticker);
        if let Some(shard) = market
            .map(|market| market.exchange_index)
            .filter(|shard| *shard != DEFAULT_SHARD)
        {
            return Err(Refusal::new(
                Reason::InsufficientCollateral,
                format!(
                    "{} is on shard {shard}, where it is not known what may be spent.",
                    order.intent.ticker
                ),
            ));
        }
        let mut spendable = view.portfolio.cash;
        for open in view
            .portfolio
            .open_orders
            .values()
            .filter(|open| !open.reduce_only)
        {
            spendable = spendable.saturating_sub(with_fee(open)?);
        }
        refuse_above(
            Reason::InsufficientCollateral,
            with_fee(order)?,
            spendable,
            "The collateral needed",
        )
    }
}

/// What an order may still take if the rest of it filled at its limit, the fee included.
///
/// Cost and fee together are largest at the limit: a better price saves more than its fee can rise.
fn with_fee(order: &Order) -> Result<Money, Refusal> {
    let intent = &order.intent;
    let fee = intent.fees.fee(
        Liquidity::Taker,
        intent.limit,
        order.open_contracts(),
        FeeRounding::Direct,
    );
    match fee {
        Some(fee) => Ok(reserved(order).saturating_add(fee)),
        None => Err(Refusal::new(
            Reason::FeesUnsupported,
            format!("{} has no known fee.", intent.ticker),
        )),
    }
}
