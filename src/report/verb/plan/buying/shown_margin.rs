//! How much more a fleet carries than it has to.

use crate::report::text::numbers::percent;
use crate::study::Offer;

/// In words, with the interval if there is one: `31.2 % [28.0 %, 34.1 %]`.
pub(super) fn margin_in_words(offer: &Offer, servers: u32) -> Option<String> {
    let (margin, interval) = offer.margin(servers)?;
    let interval = interval.map_or_else(String::new, |it| {
        format!(" [{}, {}]", percent(it.low), percent(it.high))
    });
    Some(format!("{}{interval}", percent(margin)))
}
