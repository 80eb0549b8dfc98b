//! How order effects are carried out: one after the other where time is virtual, beside the loop where it is real.

use autotrader_domain::{ClientOrderId, Order, Purpose};
use autotrader_execution::ExecutionEvent;
use autotrader_risk::Approved;
use tokio::task::JoinSet;
use tracing::error;

use super::ports::Ports;
use super::queue::{Kind, Next, OrderQueue, Placement, QueueLimits};

/// An approved order with the shard of its market.
#[derive(Debug)]
pub(crate) struct Approval {
    pub(crate) order: Approved<Order>,
    pub(crate) exchange_index: i32,
}

impl Placement for Approval {
    fn id(&self) -> &ClientOrderId {
        &self.order.get().client_order_id
    }

    fn purpose(&self) -> Purpose {
        self.order.get().intent.purpose
    }
}

/// What became of one order effect.
#[derive(Debug)]
pub(crate) struct Performed {
    pub(crate) id: ClientOrderId,
    pub(crate) kind: Kind,
    pub(crate) events: Vec<ExecutionEvent>,
}

impl Performed {
    /// Whether a placement ended before its order was stored: nothing of it was sent, and nobody was told.
    pub(crate) fn came_to_nothing(&self) -> bool {
        let told = self.events.iter().any(
            |event| matches!(event, ExecutionEvent::Order(update) if update.order.client_order_id == self.id),
        );
        self.kind == Kind::Place && !told
    }
}

/// The seam between virtual and real time.
#[derive(Debug)]
pub(crate) enum Orders {
    /// Each effect is awaited where it arises, so that equal runs stay equal.
    Inline,
    /// Effects are on the wire beside the loop, a bounded number at once: the loop never waits for the exchange.
    Beside(Beside),
}

impl Orders {
    /// Beside the loop, within these limits.
    pub(crate) fn beside(limits: QueueLimits) -> Self {
        Self::Beside(Beside {
            queue: OrderQueue::new(limits),
            tasks: JoinSet::new(),
        })
    }

    /// Whether nothing waits and nothing is on the wire.
    pub(crate) fn are_idle(&self) -> bool {
        match self {
            Self::Inline => true,
            Self::Beside(beside) => beside.queue.is_idle(),
        }
    }

    /// What the next effect on the wire brought; pending while there is none. Cancellation-safe.
    pub(crate) async fn next(&mut self) -> Performed {
        match self {
            Self::Inline => std::future::pending().await,
            Self::Beside(beside) => beside.next().await,
        }
    }
}

/// Effects that wait, and those on the wire.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) queue: OrderQueue<Approval>,
    tasks: JoinSet<Performed>,
}

impl Beside {
    /// Puts on the wire what may be.
    pub(crate) fn start(&mut self, ports: &Ports, hold_placements: bool) {
        while let Some(next) = self.queue.next(hold_placements) {
            let executor = ports.executor.clone();
            self.tasks.spawn(async move {
                match next {
                    Next::Cancel(id) => Performed {
                        events: executor.cancel(&id).await,
                        id,
                        kind: Kind::Cancel,
                    },
                    Next::Place(approval) => Performed {
                        id: approval.id().clone(),
                        events: executor.place(approval.order, approval.exchange_index).await,
                        kind: Kind::Place,
                    },
                }
            });
        }
    }

    async fn next(&mut self) -> Performed {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(performed)) => {
                    self.queue.finished(&performed.id);
                    return performed;
                }
                // Its order stays marked as on the wire: nothing more is done with it until a restart resolves it.
                Some(Err(died)) => error!(event = "order_task_died", detail = %died),
                None => return std::future::pending().await,
            }
        }
    }
}
