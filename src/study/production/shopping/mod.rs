//! What to buy: of many kinds of servers, the one of which a fleet costs least that carries the load of the busiest
//! hour while one server is down.

mod list;
mod load;
mod offer;
mod search;

pub use list::{NotTried, Purchase, ShoppingList};
pub use load::LoadToCarry;
pub use offer::{Offer, OfferTokens};
pub use search::{Shopping, ShoppingQuestion};
