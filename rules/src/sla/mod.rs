//! Promises about time: in which hours they count, when they are due, what becomes of them.

mod calendar;
pub(crate) mod carry;
pub(crate) mod escalate;
pub(crate) mod promise;

pub use calendar::Calendar;
