//! One request: when it arrives, what its prompt holds, how many tokens it will produce.

use std::fmt;
use std::sync::Arc;

use crate::stats::streams::mix;
use crate::units::{Span, Time};

/// The most tokens that a prompt or an output may have, so that the sum of both always fits 32 bits.
pub const MOST_TOKENS: u32 = 1_000_000_000;

/// The place of a class among all of a workload, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u8);

impl ClassId {
    /// The most classes that a workload may have: they share six bits of a request's number.
    pub const MOST: usize = 64;

    /// Its place, to look it up.
    pub const fn place(self) -> usize {
        self.0 as usize
    }

    /// Its place among so many, at least one, of which the last holds for all classes behind it too.
    pub fn place_among(self, count: usize) -> usize {
        self.place().min(count - 1)
    }
}

/// The number of a request: its place in the order of arrival, from 0, among those of its class. The class stands in
/// the bits from [`RequestId::CLASS_SHIFT`] on, so that nobody who is told of a request has to look it up; those from
/// [`RequestId::NUMBER_BITS`] up to there are free for whoever sends it more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl RequestId {
    /// Bits of the place in the order of arrival: room for a million million requests.
    pub const NUMBER_BITS: u32 = 40;
    /// Where the class stands.
    pub const CLASS_SHIFT: u32 = 56;

    /// A request of this class, by its number among those of the class.
    #[must_use]
    pub const fn in_class(self, class: ClassId) -> Self {
        Self(self.0 | (class.0 as u64) << Self::CLASS_SHIFT)
    }

    /// The class that it belongs to.
    pub const fn class(self) -> ClassId {
        ClassId((self.0 >> Self::CLASS_SHIFT) as u8)
    }

    /// Its number among those of its class.
    pub const fn number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }
}

/// Its number, behind its class if that is not the first.
impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class() {
            ClassId(0) => write!(formatter, "{}", self.number()),
            ClassId(class) => write!(formatter, "{class}.{}", self.number()),
        }
    }
}

/// Which requests belong together, as the turns of one conversation do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

/// The name of a piece of content; a token's identity is (content, offset).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub u64);

impl ContentId {
    const OUTPUT: u64 = 1 << 63;
    const UNIQUE_PROMPT: u64 = 1 << 62;

    /// What `request` produces: a later prompt that holds it can find it in the prefix cache.
    pub const fn output_of(request: RequestId) -> Self {
        Self(Self::OUTPUT | request.0)
    }

    /// The request whose output it is, if it is one's.
    pub const fn producer(self) -> Option<RequestId> {
        if self.0 & Self::OUTPUT == 0 {
            return None;
        }
        Some(RequestId(self.0 & !Self::OUTPUT))
    }

    /// The prompt of `request`, where no other request shares any of it.
    pub const fn unique_prompt_of(request: RequestId) -> Self {
        Self(Self::UNIQUE_PROMPT | request.0)
    }

    /// The content as requests of this class know it: what another class calls the same is something else.
    pub(super) const fn in_class(self, class: ClassId) -> Self {
        if self.0 & (Self::OUTPUT | Self::UNIQUE_PROMPT) != 0 {
            return Self(self.0 | (class.0 as u64) << RequestId::CLASS_SHIFT);
        }
        if class.0 == 0 {
            return self;
        }
        Self::numbered(mix(self.0 ^ mix(class.0 as u64)))
    }

    /// Content known by a number or by the hash of its name. Never the output or the unique prompt of a request.
    pub const fn numbered(number: u64) -> Self {
        Self(number & !(Self::OUTPUT | Self::UNIQUE_PROMPT))
    }
}

/// What a request's output tokens are called: token `j` is (content, offset + j).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputName {
    /// What the tokens are.
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
    /// How many tokens there are.
    pub tokens: u32,
}

/// What a request sends: a number of tokens and, where it may be shared with other requests, their identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    tokens: u32,
    /// Shared, as whoever sends a request again keeps a copy.
    segments: Option<Arc<[Segment]>>,
}

impl Prompt {
    /// A prompt of `tokens` tokens that no other request shares.
    pub const fn unique(tokens: u32) -> Self {
        Self { tokens, segments: None }
    }

    /// A prompt put together from `segments`.
    pub fn of_segments(segments: impl Into<Arc<[Segment]>>) -> Self {
        let segments = segments.into();
        let tokens = segments.iter().map(|segment| segment.tokens).sum();
        Self {
            tokens,
            segments: Some(segments),
        }
    }

    /// The prompt as requests of this class know it.
    pub(super) fn in_class(self, class: ClassId) -> Self {
        let Some(segments) = self.segments.as_deref().filter(|_| class != ClassId::default()) else {
            return self;
        };
        let in_class = segments.iter().map(|segment| Segment {
            content: segment.content.in_class(class),
            ..*segment
        });
        Self::of_segments(in_class.collect::<Vec<_>>())
    }

    /// How long it is up to the first content of which `ends` says so; `None` if it holds none [tokens].
    pub fn tokens_before(&self, ends: impl Fn(ContentId) -> bool) -> Option<u32> {
        let segments = self.segments()?;
        let end = segments.iter().position(|segment| ends(segment.content))?;
        Some(segments[..end].iter().map(|segment| segment.tokens).sum())
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
#[expect(clippy::struct_excessive_bools, reason = "each is said of a request by itself")]
pub struct Request {
    /// Its number in the order of arrival.
    pub id: RequestId,
    /// When it reaches the server.
    pub arrival: Time,
    /// How long it was due before that, and waited with its client: none unless clients limit what is outstanding.
    pub client_wait: Span,
    /// The tokens that the client sends.
    pub prompt: Prompt,
    /// How many tokens it produces if nothing cuts it short; at least 1, which stands for the answer itself if
    /// `is_prompt_only`.
    pub output_tokens: u32,
    /// The most it allows: what reserving policies see; at least `output_tokens`.
    pub max_tokens: u32,
    /// Whether its last token is a stop token; otherwise it ends because its length is reached.
    pub stops: bool,
    /// Whether it asks that stop tokens be ignored, as benchmarks do, so that a server may count on all its output.
    pub ignore_eos: bool,
    /// Whether it asks for no token, but for what its prompt comes to: an embedding, a score. The step that computes
    /// the end of its prompt answers it, so inside a server it runs as if it produced a single token, which no client
    /// sees, nobody samples, and which takes no memory.
    pub is_prompt_only: bool,
    /// Lower numbers go first where the server heeds priorities.
    pub priority: i32,
    /// The session that it belongs to, for routers that keep sessions together; one of its own if it belongs to none.
    pub session: SessionId,
    /// Which turn of its session it is, from 1, where turns wait for those before them; those beyond the last number
    /// that there is have that.
    pub turn: u16,
    /// The identity of its output, which later prompts may repeat.
    pub output_name: OutputName,
    /// Whether later prompts may repeat its output. If not, a prefix cache need not find it.
    pub output_is_shared: bool,
}

impl Request {
    /// A request that ends when its length is reached or, if it allows more than it produces, with a stop token. Nobody
    /// repeats its output.
    pub const fn new(id: RequestId, arrival: Time, prompt: Prompt, output_tokens: u32, max_tokens: u32) -> Self {
        Self {
            id,
            arrival,
            client_wait: Span::ZERO,
            prompt,
            output_tokens,
            max_tokens,
            stops: output_tokens < max_tokens,
            ignore_eos: false,
            is_prompt_only: false,
            priority: 0,
            session: SessionId(id.0),
            turn: 1,
            output_name: OutputName {
                content: ContentId::output_of(id),
                offset: 0,
            },
            output_is_shared: false,
        }
    }

    /// A request for what its prompt comes to, without a token.
    pub const fn prompt_only(id: RequestId, arrival: Time, prompt: Prompt) -> Self {
        let mut request = Self::new(id, arrival, prompt, 1, 1);
        request.is_prompt_only = true;
        request
    }

    /// The order under vLLM's priorities: lower numbers first, then earlier arrivals (`v1/request.py`, `__lt__`).
    #[inline]
    pub const fn rank(&self) -> (i32, Time, RequestId) {
        (self.priority, self.arrival, self.id)
    }

    /// Whether its prompt begins with what is its alone, so that nobody finds anything of it.
    pub fn begins_alone(&self) -> bool {
        let segments = self.prompt.segments().unwrap_or_default();
        let own = ContentId::unique_prompt_of(self.id);
        segments.first().is_none_or(|first| first.content == own)
    }

    /// The tokens that its client gets if nothing cuts it short.
    pub const fn answer_tokens(&self) -> u32 {
        if self.is_prompt_only { 0 } else { self.output_tokens }
    }

    /// The most tokens that its client allows, for which whoever reserves memory keeps a place.
    pub const fn most_answer_tokens(&self) -> u32 {
        if self.is_prompt_only { 0 } else { self.max_tokens }
    }

    /// Prompt and `max_tokens` together: the most tokens it may come to.
    pub const fn most_tokens(&self) -> u32 {
        self.prompt.tokens() + self.most_answer_tokens()
    }

    /// Tokens whose KV it needs at most: the last output token is never fed back. At least its prompt.
    pub const fn most_computed(&self) -> u32 {
        self.prompt.tokens() + self.max_tokens - 1
    }
}
