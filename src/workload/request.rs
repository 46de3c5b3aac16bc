//! One request: when it arrives, what its prompt holds, how many tokens it will produce.

use crate::units::Time;

/// The number of a request: its place in the order of arrival, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The name of a piece of content; a token's identity is (content, offset).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub u64);

impl ContentId {
    /// The content of a prompt that no other request shares.
    pub const fn prompt_of(id: RequestId) -> Self {
        Self(1 << 63 | id.0)
    }

    /// What a request produces.
    pub const fn output_of(id: RequestId) -> Self {
        Self(1 << 62 | id.0)
    }
}

/// What a request's output tokens are called: token `j` is (content, offset + j).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputName {
    /// Their content.
    pub content: ContentId,
    /// The first token's place in it.
    pub offset: u32,
}

/// A stretch of a prompt: `tokens` tokens of `content`, starting at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which content the tokens are of.
    pub content: ContentId,
    /// The first token's place in the content.
    pub offset: u32,
    /// How many tokens.
    pub tokens: u32,
}

/// What a request sends: a number of tokens and, where it may be shared with other requests, their identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    tokens: u32,
    segments: Option<Box<[Segment]>>,
}

impl Prompt {
    /// A prompt of `tokens` tokens that no other request shares.
    pub const fn unique(tokens: u32) -> Self {
        Self {
            tokens,
            segments: None,
        }
    }

    /// A prompt put together from `segments`.
    pub fn of_segments(segments: Box<[Segment]>) -> Self {
        let tokens = segments.iter().map(|segment| segment.tokens).sum();
        Self {
            tokens,
            segments: Some(segments),
        }
    }

    /// Its length in tokens.
    pub const fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Its content; `None` if no other request shares any of it.
    pub fn segments(&self) -> Option<&[Segment]> {
        self.segments.as_deref()
    }
}

/// One request as the client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number in the order of arrival.
    pub id: RequestId,
    /// When it reaches the server.
    pub arrival: Time,
    /// What it sends.
    pub prompt: Prompt,
    /// How many tokens it produces if nothing cuts it short; at least 1.
    pub output_tokens: u32,
    /// The most it allows: what reserving policies see; at least `output_tokens`.
    pub max_tokens: u32,
    /// Whether its last token is a stop token; otherwise it ends because its length is reached.
    pub stops: bool,
    /// Lower numbers go first where the server heeds priorities.
    pub priority: i32,
    /// The identity of its output, which later prompts may repeat.
    pub output_name: OutputName,
}
