//! Prices that were worked out, kept for whoever asks again: other runs, and servers of the same kind.

use std::sync::{Arc, Mutex, PoisonError};

use super::memo::Memo;
use super::operators::Operators;

/// Prices for fewer tokens than this are remembered: those of every decode batch and of all but the largest token
/// budgets.
const REMEMBERED_TOKENS: usize = 16_384;
/// Prices for fewer sampling requests than this are remembered.
const REMEMBERED_REQUESTS: usize = 2_048;
/// So many lists are kept, of 0.28 MB each; the oldest go.
const MOST_LISTS: usize = 64;

/// What some operators take, as far as it was asked for.
#[derive(Debug)]
pub(super) struct PriceList {
    operators: Operators,
    /// A step with so many tokens, besides attention [ps].
    pub(super) by_tokens: Memo,
    /// What a step with so many sampling requests adds [ps].
    pub(super) by_sampling: Memo,
    /// The matrix products of so many rows [us, as the bits of an f64].
    pub(super) products: Memo,
}

impl PriceList {
    pub(super) fn new(operators: &Operators) -> Self {
        Self {
            operators: operators.clone(),
            by_tokens: Memo::new(REMEMBERED_TOKENS),
            by_sampling: Memo::new(REMEMBERED_REQUESTS),
            products: Memo::new(REMEMBERED_TOKENS),
        }
    }
}

/// The price lists of all servers that were set up from the same files, by what they are made of: servers alike share
/// one. Copies are the same.
#[derive(Clone, Debug, Default)]
pub struct PriceLists(Arc<Mutex<Vec<Arc<PriceList>>>>);

impl PriceLists {
    /// The list for these operators.
    pub(super) fn of(&self, operators: &Operators) -> Arc<PriceList> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.iter().find(|list| list.operators == *operators) {
            return Arc::clone(known);
        }
        if lists.len() == MOST_LISTS {
            lists.remove(0);
        }
        let new = Arc::new(PriceList::new(operators));
        lists.push(Arc::clone(&new));
        new
    }
}
