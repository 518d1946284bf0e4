//! Routing, pure: in which order waiting conversations are given out, to whom, and why. Deliberately absent: clocks, and
//! what becomes of a grant, which is a decision like any other.
//!
//! [`pick()`] answers for one conversation; [`Board`] keeps who waits and who has room as they change, so that the next
//! thing to do is found without looking at everything.

mod board;
mod candidate;
mod grant;
mod pick;
mod place;

pub use board::{Board, Found, Serving};
pub use candidate::{Candidate, Limits, Load, Standing};
pub use grant::Route;
pub(crate) use grant::{is_routed_offer, route};
pub use pick::{Nobody, Pick, pick};
pub use place::{Place, place, routable};
