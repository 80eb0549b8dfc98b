//! Cancel and replace: never more on the book than there was.

use autotrader_domain::{ClientOrderId, Contracts, Order};
use autotrader_risk::Approved;

use crate::executor::unsent;
use crate::{ExecutionEvent, Executor};

impl Executor {
    /// Takes one of our orders off the book and, once that is certain, places another in its stead.
    ///
    /// The replacement is never larger than what was taken off: the cancel's own word (`reduced_by`) or the finished
    /// order's unfilled rest, with every fill booked. While the outcome is not known nothing is placed, and the approval is
    /// given back as [`ExecutionEvent::Unsent`]; so it is when nothing was left to take off.
    ///
    /// Not cancellation-safe, as [`Executor::cancel`] and [`Executor::place`] are not.
    pub async fn replace(
        &self,
        old: &ClientOrderId,
        new: Approved<Order>,
        exchange_index: i32,
    ) -> Vec<ExecutionEvent> {
        let mut events = self.cancel(old).await;
        let mut order = new.into_inner();
        let taken_off = self.taken_off(old).await;
        match taken_off {
            Some(contracts) if !contracts.is_zero() => {
                order.intent.contracts = order.intent.contracts.min(contracts);
                events.extend(self.place_order(order, exchange_index).await);
            }
            Some(_) => {
                let detail = format!("Nothing of {old} was left to replace.");
                events.push(unsent(&order, detail));
            }
            None => {
                let detail = format!("It is not known what became of {old}: nothing is placed in its stead.");
                events.push(unsent(&order, detail));
            }
        }
        events
    }

    /// What a finished order left unfilled; `None` while it is not finished or not known.
    async fn taken_off(&self, id: &ClientOrderId) -> Option<Contracts> {
        let tracker = self.tracker.lock().await;
        let life = tracker.life(id)?;
        let finished = life.order.state.is_terminal() && life.outstanding().is_zero();
        finished.then(|| life.order.intent.contracts.saturating_sub(life.order.filled))
    }
}
