//! What a process needs to go on after a restart.

use autotrader_domain::ports::Restored;
use diesel::SqliteConnection;

use crate::fault::Fault;
use crate::{approvals, board_history, boards, equity, fills, identity, orders, outcomes, records};

/// Reads all of it; inside a transaction, so that it is one state of the database.
pub(crate) fn restore(connection: &mut SqliteConnection) -> Result<Restored, Fault> {
    let open = orders::open_orders(connection)?;
    let causes = records::standing_causes(connection)?;
    Ok(Restored {
        open_orders: open
            .iter()
            .map(orders::OrderRow::order)
            .collect::<Result<_, _>>()?,
        requests: open
            .iter()
            .map(orders::OrderRow::stored_request)
            .collect::<Result<_, _>>()?,
        fills: fills::all_fills(connection)?,
        settlements: fills::all_settlements(connection)?,
        generations: orders::generations(connection)?,
        accepted: boards::accepted(connection, 1)?.pop(),
        renames: records::renames(connection)?,
        approvals: approvals::all(connection)?,
        terms: approvals::terms(connection)?,
        history: board_history::all(connection)?,
        undecided: outcomes::undecided(connection)?,
        causes: causes
            .into_iter()
            .map(|(cause, _, detail)| (cause, detail))
            .collect(),
        loss_bases: records::loss_bases(connection)?,
        venue_ids: orders::venue_ids(connection)?,
        equity: equity::last(connection)?,
        opening_cash: identity::read(connection)?.and_then(|info| info.opening_cash),
    })
}
