//! The list of routers.

use super::router_trait::RouterKind;
use super::{
    central_queue, least_kv, least_outstanding, power_of_two, prefix_affinity, prefix_aware, random, round_robin,
    session, weighted,
};

/// All routers.
pub const ROUTERS: &[RouterKind] = &[
    least_outstanding::LEAST_OUTSTANDING,
    round_robin::ROUND_ROBIN,
    random::RANDOM,
    power_of_two::POWER_OF_TWO,
    weighted::WEIGHTED,
    central_queue::CENTRAL_QUEUE,
    least_kv::LEAST_KV,
    session::SESSION,
    prefix_affinity::PREFIX_AFFINITY,
    prefix_aware::PREFIX_AWARE,
];

/// The router of a name.
pub fn router_named(name: &str) -> Option<&'static RouterKind> {
    ROUTERS.iter().find(|kind| kind.name == name)
}
