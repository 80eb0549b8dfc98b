//! Trading words and their arithmetic, and the ports that the edges implement.
//!
//! No async function bodies, IO, clock, randomness or environment live here: types, their algebra, and traits.
//!
//! # The algebra of money
//!
//! | expression | gives | unit |
//! |---|---|---|
//! | `Price` | a YES price, 0 to 1 dollar | 1/10 000 $ |
//! | `Contracts` | a number of contracts, never negative | 1/100 contract |
//! | `Net` | signed contracts: positive YES, negative NO | 1/100 contract |
//! | `Money` | signed dollars | 1/1 000 000 $ |
//! | `Price::complement` | the NO price of a YES price | 1/10 000 $ |
//! | `Price × Contracts` (`Price::times`) | `Money`, exactly: 10⁻⁴ × 10⁻² = 10⁻⁶ | 1/1 000 000 $ |
//! | `Money ± Money` | `Money`, checked | 1/1 000 000 $ |
//! | `Net + Side × Contracts` (`Net::after`) | `Net`, checked | 1/100 contract |

pub mod alert;
pub mod approvals;
pub mod board;
pub mod book;
pub mod claim;
pub mod collateral;
pub mod command;
pub mod contracts;
mod decimal_text;
pub mod decision;
pub mod fee;
pub mod fill;
pub mod forecast;
pub mod history;
pub mod market;
pub mod money;
pub mod order;
pub mod pairs;
pub mod portfolio;
pub mod ports;
pub mod position;
pub mod price;
pub mod reason;
pub mod record;
pub mod risk_view;
pub mod segment;
pub mod signal;
pub mod ticker;
pub mod time;

pub use alert::{Alert, Severity};
pub use approvals::{Approval, ApprovalDecision, Approvals, ContractTerms, TextDecision};
pub use board::{
    AcceptedBoard, Anomaly, BoardHash, BoardStanding, Challenge, ChallengeKind, GateReason, GateReasonCode,
    GatedBoard, HoldReason, Observation, ParsePath, Reading, ReadingOutcome, Verdict, Vintage,
};
pub use book::{Book, BookError, Level, Mid, Walk};
pub use claim::{Claim, Mapping, MappingState, Outcome, TieTerms};
pub use collateral::mutually_exclusive_return;
pub use command::{Command, CommandFinding, CommandStage};
pub use contracts::{Contracts, Net};
pub use decimal_text::DecimalError;
pub use decision::{Action, Evaluation, MarketView, Wanted, Why};
pub use fee::{FeeAccumulator, FeeRounding, FeeSchedule, FeeType, Liquidity};
pub use fill::Fill;
pub use forecast::{
    CoherenceFinding, CoherenceKind, Drivers, ForecastRecord, ModelChance, OrganizationChance,
};
pub use history::{Arrival, BoardHistory, HistoryEvent, Led, Sight};
pub use market::{Decided, ExchangeStatus, Market, MarketStatus, PriceGrid, PriceRange, SettlementResult};
pub use money::Money;
pub use order::{
    BookSide, ClientOrderId, Environment, ExecutionMode, Generation, Intent, Order, OrderGroupId,
    OrderRequest, OrderState, OrderUpdate, Purpose, TimeInForce, VenueOrderId,
};
pub use portfolio::{Booking, BookingError, Portfolio, Settled, SettlementRecord, bookings};
pub use position::{Position, PositionError, Side};
pub use price::Price;
pub use reason::{Reason, RejectReason};
pub use record::{EquityMark, Record};
pub use risk_view::{Refusal, RiskView};
pub use segment::SegmentHead;
pub use signal::{RankedFields, Signal, Urgency};
pub use ticker::{EventTicker, NameError, SeriesTicker, Ticker};
pub use time::{ManualClock, Monotonic};
