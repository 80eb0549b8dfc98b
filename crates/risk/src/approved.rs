//! The proof that risk has passed something.

/// Something that risk has passed.
///
/// The field is private and there is no `From`, `Clone` or `Deserialize`: only this crate can make one, and whoever
/// acts on it must consume it.
///
/// ```compile_fail
/// let forged = autotrader_risk::Approved("an order nobody reviewed");
/// ```
///
/// ```compile_fail
/// fn twice(approved: autotrader_risk::Approved<u8>) -> (autotrader_risk::Approved<u8>, autotrader_risk::Approved<u8>) {
///     (approved.clone(), approved)
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an approved order that is dropped is never sent"]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub(crate) const fn mint(inner: T) -> Self {
        Self(inner)
    }

    /// Looks at what was approved without using the approval up.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// Uses the approval up.
    pub fn into_inner(self) -> T {
        self.0
    }
}
