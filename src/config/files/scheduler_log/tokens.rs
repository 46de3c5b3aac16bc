//! What tokens of an experiment are called.

use crate::workload::{ContentId, OutputName, Prompt, Segment};

/// The ids that the schemas give to output tokens: token `j` of the `i`-th request is
/// `FIRST_OUTPUT + i * OUTPUTS_APART + j`.
const FIRST_OUTPUT: u64 = 10_000_000;
const OUTPUTS_APART: u64 = 100_000;
/// The id that they give to the token which stops a request.
const STOP_TOKEN: u32 = 2;
/// All tokens of an experiment are pieces of one content, in which a token's place is its id.
const TOKEN_IDS: ContentId = ContentId(0);

/// A prompt that is written as pairs of a first id and a number of tokens.
pub fn prompt(pairs: &[(u64, u32)]) -> Result<Prompt, String> {
    let mut segments = Vec::new();
    for &(start, tokens) in pairs {
        segments.push(Segment {
            content: TOKEN_IDS,
            offset: first_of_tokens(start, tokens)?,
            tokens,
        });
    }
    Ok(Prompt::of_segments(segments))
}

/// The name of the output of the request at this place of the list, of so many tokens.
pub fn output(index: u64, tokens: u32) -> Result<OutputName, String> {
    Ok(OutputName {
        content: TOKEN_IDS,
        offset: first_of_tokens(FIRST_OUTPUT + index * OUTPUTS_APART, tokens)?,
    })
}

/// The token that stops a request, the same of all.
pub const fn stop() -> Segment {
    token(STOP_TOKEN)
}

/// The token with this id.
pub const fn token(id: u32) -> Segment {
    Segment {
        content: TOKEN_IDS,
        offset: id,
        tokens: 1,
    }
}

/// The id of the first of some tokens, if a 32-bit number can stand for the end of their ids.
fn first_of_tokens(first: u64, tokens: u32) -> Result<u32, String> {
    let end = first.saturating_add(tokens.into());
    u32::try_from(end)
        .map(|end| end - tokens)
        .map_err(|_| format!("token id {} is too large; write ids up to {}", end - 1, u32::MAX - 1))
}
