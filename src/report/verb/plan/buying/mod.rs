//! What to buy: the cheapest fleet as a table beside the others, and as commands.

mod document;
mod kubernetes;
mod section;
mod shown_margin;

pub(super) use document::{BuyingDocument, document};
pub(super) use section::section;

/// What no combination differs in, so that the search says nothing of it.
pub(super) const NEVER_TRIED: [&str; 8] = [
    "other models",
    "batching policies, routers and engines other than the scenario's",
    "fleets of unlike servers",
    "prefill and decode on servers of their own",
    "models that several machines share (pipeline or expert parallel)",
    "servers that come and go with the hour",
    "GPUs that are taken away (spot), or cannot be had",
    "what other number formats do to answers",
];
