//! What held requests back, in words.

use crate::metrics::{Binding, Constraint};
use crate::report::text::numbers::percent;
use crate::stats::rounded;

/// What held requests back, in words.
pub fn why(constraint: &Constraint) -> String {
    let what = match constraint.binding {
        Binding::KvCapacity => "KV capacity kept requests waiting",
        Binding::RequestSlots => "all request slots (max_num_seqs or the batch size) were taken while requests waited",
        Binding::TokenBudget => "the token budget of a step kept requests waiting",
        Binding::BatchUnderWay => "requests waited for the batch under way",
        Binding::Compute => {
            return format!(
                "compute: requests hardly waited, but steps use {} of the GPU's peak FLOP/s",
                percent(constraint.share_of_time)
            );
        }
        Binding::Nothing => {
            return "nothing binds: requests hardly waited for more than the step under way".to_owned();
        }
    };
    let share = percent(constraint.share_of_time);
    match constraint.first_at_s {
        Some(first) => format!("{what} {share} of the time, first at t = {} s", rounded(first)),
        None => format!("{what} {share} of the time"),
    }
}

/// What held requests back, in the few words that a column of a table has room for.
pub fn what_binds(constraint: &Constraint) -> String {
    let what = match constraint.binding {
        Binding::KvCapacity => "KV capacity",
        Binding::RequestSlots => "request slots",
        Binding::TokenBudget => "token budget",
        Binding::BatchUnderWay => "batch under way",
        Binding::Compute => "compute",
        Binding::Nothing => return "nothing".to_owned(),
    };
    format!("{what}, {}", percent(constraint.share_of_time))
}
