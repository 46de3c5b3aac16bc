//! What whoever plans production asks, answered from one scenario: how many at once, how long, on how many servers, at
//! what price, with which memory, beside which documents, and what happens when something fails.
//!
//! Each part is an answer of its own. What cannot be asked of a scenario is said in its place, and the rest stands.

mod answers;
mod batching;
mod crowds;
mod failure;
mod fallbacks;
mod memory_rule;
mod own_traffic;
mod question;
mod servers;
mod shopping;
mod storage;

pub use answers::Production;
pub use batching::{PolicyTried, TriedPolicies};
pub use crowds::Crowds;
pub use failure::{AssumedFailures, Failures, MeasuredFailures, OneDown};
pub use fallbacks::StageFallback;
pub use memory_rule::{Calculator, PeakRule};
pub use own_traffic::OwnTraffic;
pub use question::{Answered, ProductionQuestion, answered};
pub use servers::NeededServers;
pub use shopping::{LoadToCarry, NotTried, Offer, OfferTokens, Purchase, Shopping, ShoppingList, ShoppingQuestion};
pub use storage::{StorageNeeds, StoreOfSize};
