//! Answers that come several tokens at a time, as with drafts, with steps scheduled several at once, or over a network
//! that holds back: the gaps between what came are then no times between tokens.

use super::tally::Tally;
use crate::units::Span;

/// Fewer gaps than that, in parts of those between all tokens, are between several tokens at once. Clients miss a gap
/// of an answer now and then, as a token without text of its own brings nothing.
const LEAST_GAPS: f64 = 0.87;

/// Whether so many gaps are those between single tokens, of which there are `gaps_of_tokens`.
fn are_of_single_tokens(gaps: usize, gaps_of_tokens: u64) -> bool {
    gaps as f64 >= LEAST_GAPS * gaps_of_tokens as f64
}

/// Notes the gaps between what came of answers, if they are those between single tokens, of which there are so many;
/// else their mean is told from the number of tokens [s], with what is to be said of it.
pub fn note_gaps(gaps: &[Span], gaps_of_tokens: u64, tally: &mut Tally) -> (Option<f64>, Option<String>) {
    if are_of_single_tokens(gaps.len(), gaps_of_tokens) {
        for gap in gaps {
            tally.gap(*gap);
        }
        return (None, None);
    }
    if gaps.is_empty() {
        return (None, None);
    }
    let sum: f64 = gaps.iter().map(|gap| gap.seconds()).sum();
    let tokens = gaps_of_tokens as f64;
    (Some(sum / tokens), Some(several_at_once(tokens / gaps.len() as f64)))
}

/// What is said where answers came so many tokens at a time.
pub fn several_at_once(tokens: f64) -> String {
    format!(
        "about {tokens:.1} tokens came at a time, so that gaps between what came are not times between tokens: of ITL \
         only the mean is taken, told from the number of tokens"
    )
}
