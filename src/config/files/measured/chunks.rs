//! Answers that come several tokens at a time, as with drafts, with steps scheduled several at once, or over a network
//! that holds back: the gaps between what came are then no times between tokens.

/// Fewer gaps than that, in parts of those between all tokens, are between several tokens at once. Clients miss a gap
/// of an answer now and then, as a token without text of its own brings nothing.
const LEAST_GAPS: f64 = 0.87;

/// Whether so many gaps are those between single tokens, of which there are `gaps_of_tokens`.
pub fn are_of_single_tokens(gaps: usize, gaps_of_tokens: u64) -> bool {
    gaps as f64 >= LEAST_GAPS * gaps_of_tokens as f64
}

/// What is said where answers came so many tokens at a time.
pub fn several_at_once(tokens: f64) -> String {
    format!(
        "about {tokens:.1} tokens came at a time, so that gaps between what came are not times between tokens: of ITL \
         only the mean is taken, told from the number of tokens"
    )
}
