//! The weekly contracts of both series on the models and labs that lead a public board.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Claim, EventTicker, FeeSchedule, GatedBoard, Market, MarketStatus, PriceGrid, SeriesTicker, Ticker,
};
use autotrader_settlement::{Entry, RuleSet};
use autotrader_simulator::exchange::{
    EventListing, Exchange, FeeModel, MarketListing, PriceStructure, SeriesListing,
};
use autotrader_simulator::scenario::{INVENTED_LLM1_TIE_RULE, TOP_MODEL_TIE_RULE};
use autotrader_strategy::fair::RankedBoard;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::America::New_York;

use super::BacktestError;

/// The series of models and of labs.
pub(super) const SERIES: [&str; 2] = ["KXTOPMODEL", "KXLLM1"];

/// How many models at the top have a contract.
const MODELS: usize = 8;

/// How long before its check a contract is listed.
const LISTED_DAYS: u64 = 14;

/// How long after its determination a market pays, in seconds.
pub(super) const PAYS_AFTER: u32 = 1_800;

/// A listed contract.
#[derive(Debug, Clone)]
pub(super) struct Contract {
    pub(super) market: Market,
    pub(super) claim: Claim,
    pub(super) check: DateTime<Utc>,
}

/// The checks of a span: Mondays at ten in New York.
pub(super) fn checks(from: NaiveDate, to: NaiveDate) -> Vec<DateTime<Utc>> {
    from.iter_days()
        .take_while(|day| *day <= to)
        .filter(|day| day.weekday() == Weekday::Mon)
        .filter_map(|day| {
            let local = day.and_hms_opt(10, 0, 0)?;
            Some(New_York.from_local_datetime(&local).single()?.with_timezone(&Utc))
        })
        .collect()
}

/// When the contracts of a check are listed.
pub(super) fn listed_at(check: DateTime<Utc>) -> DateTime<Utc> {
    check.checked_sub_days(Days::new(LISTED_DAYS)).unwrap_or(check)
}

/// Lists both series.
pub(super) fn list_series(exchange: &mut Exchange, at: DateTime<Utc>) -> Result<(), BacktestError> {
    for (name, fee_model) in SERIES
        .into_iter()
        .zip([FeeModel::Quadratic, FeeModel::QuadraticWithMakerFees])
    {
        let listing = SeriesListing {
            ticker: named(name)?,
            title: name.to_owned(),
            category: "Science and Technology".to_owned(),
            frequency: "weekly".to_owned(),
            tags: Vec::new(),
            settlement_sources: Vec::new(),
            fee_model,
            fee_multiplier_millionths: 1_000_000,
        };
        exchange
            .add_series(listing, at)
            .map_err(|error| BacktestError::Market(error.to_string()))?;
    }
    Ok(())
}

fn named<T: std::str::FromStr>(text: &str) -> Result<T, BacktestError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| BacktestError::Market(error.to_string()))
}

/// What is listed for a board at the top, in order.
fn claims(page: &GatedBoard) -> Vec<Claim> {
    let board = RankedBoard::new(&page.board.entries, RuleSet::default());
    let top: Vec<&Entry> = board.order().iter().copied().take(MODELS).collect();
    let labs: BTreeSet<&str> = top
        .iter()
        .filter_map(|entry| entry.known_organization())
        .collect();
    let models = top.iter().map(|entry| Claim::Model {
        model_name: entry.model_name.clone(),
        organization: entry.known_organization().map(str::to_owned),
    });
    let labs = labs.into_iter().map(|lab| Claim::Organization {
        organization: lab.to_owned(),
    });
    models.chain(labs).collect()
}

/// Lists what the board of the moment leads with and what is not listed yet, for one check.
pub(super) fn list_check(
    exchange: &mut Exchange,
    (contracts, names): (&mut BTreeMap<Ticker, Contract>, &mut usize),
    page: &GatedBoard,
    check: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), BacktestError> {
    for claim in claims(page) {
        let known = contracts
            .values()
            .any(|contract| contract.check == check && same(&contract.claim, &claim));
        if !known {
            *names += 1;
            let contract = contract(claim, check, *names)?;
            add(exchange, &contract, at)?;
            contracts.insert(contract.market.ticker.clone(), contract);
        }
    }
    Ok(())
}

fn same(a: &Claim, b: &Claim) -> bool {
    matches!(
        (a, b),
        (Claim::Model { .. }, Claim::Model { .. }) | (Claim::Organization { .. }, Claim::Organization { .. })
    ) && a.name() == b.name()
}

fn contract(claim: Claim, check: DateTime<Utc>, number: usize) -> Result<Contract, BacktestError> {
    let local = check.with_timezone(&New_York);
    let day = local.format("%y%b%d").to_string().to_uppercase();
    let on = local.format("%b %-d, %Y at %-I:%M %p ET, then the market resolves to Yes.");
    let name = claim.name().to_owned();
    let [models, labs] = SERIES;
    let (series, rules_primary, rules_secondary, fees, strike_model) = match &claim {
        Claim::Model { .. } => (
            models,
            format!("If {name} is the top-ranked AI model on {on}"),
            TOP_MODEL_TIE_RULE,
            FeeSchedule::QUADRATIC,
            Some(name.clone()),
        ),
        Claim::Organization { .. } => (
            labs,
            format!("If {name} has the top-ranked LLM on {on}"),
            INVENTED_LLM1_TIE_RULE,
            FeeSchedule::WITH_MAKER_FEES,
            None,
        ),
    };
    let market = Market {
        ticker: named(&format!("{series}-{day}-C{number}"))?,
        event: named::<EventTicker>(&format!("{series}-{day}"))?,
        series: named::<SeriesTicker>(series)?,
        status: MarketStatus::Active,
        close_time: check,
        grid: PriceGrid::whole_cents(),
        fees,
        rules_primary,
        rules_secondary: rules_secondary.to_owned(),
        strike_model,
        yes_sub_title: name,
        exchange_index: 0,
        result: None,
        settlement_value: None,
    };
    Ok(Contract { market, claim, check })
}

fn add(exchange: &mut Exchange, contract: &Contract, at: DateTime<Utc>) -> Result<(), BacktestError> {
    let refused =
        |error: autotrader_simulator::exchange::ListingError| BacktestError::Market(error.to_string());
    let market = &contract.market;
    if exchange.event(&market.event).is_none() {
        let listing = EventListing {
            ticker: market.event.clone(),
            series: market.series.clone(),
            title: market.event.to_string(),
            sub_title: String::new(),
            mutually_exclusive: true,
            strike_date: Some(contract.check),
        };
        exchange.add_event(listing, at).map_err(refused)?;
    }
    let listing = MarketListing {
        ticker: market.ticker.clone(),
        event: market.event.clone(),
        title: None,
        yes_sub_title: market.yes_sub_title.clone(),
        no_sub_title: market.yes_sub_title.clone(),
        rules_primary: market.rules_primary.clone(),
        rules_secondary: market.rules_secondary.clone(),
        custom_strike: market
            .strike_model
            .clone()
            .map(|model| BTreeMap::from([("Model".to_owned(), model)])),
        open_time: at,
        close_time: contract.check,
        expected_expiration_time: Some(contract.check),
        latest_expiration_time: contract.check + TimeDelta::days(7),
        settlement_timer_seconds: PAYS_AFTER,
        can_close_early: true,
        early_close_condition: None,
        prices: PriceStructure::linear_cent(),
    };
    exchange.add_market(listing, at).map_err(refused)
}
