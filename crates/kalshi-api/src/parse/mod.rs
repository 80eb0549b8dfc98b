//! Wire to domain. Pure: bytes or wire structs in, domain types or an error with its JSON path out.

pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod portfolio;
