//! Attempts: a request that is sent again is another one to its server, and the same to its client.

use rustc_hash::FxHashMap;

use crate::engine::{Event, Loss, ServerId};
use crate::stats::streams::mix;
use crate::units::Time;
use crate::workload::{ContentId, OutputName, Prompt, Request, RequestId, Segment};

/// The id of an attempt, whose number stands between those of its request and of its class; the first, number 0, has
/// the id of its request.
pub(super) const fn attempt_of(request: RequestId, number: u32) -> RequestId {
    RequestId(request.0 | (number as u64) << RequestId::NUMBER_BITS)
}

/// The request that an attempt belongs to.
pub(super) const fn request_of(attempt: RequestId) -> RequestId {
    RequestId(attempt.number()).in_class(attempt.class())
}

/// The request with a prompt that its later attempts can find in a prefix cache: what no other request shares has names
/// too.
pub(super) fn with_names(mut request: Request) -> Request {
    let own = ContentId::unique_prompt_of(request.id);
    let whole = [Segment {
        content: own,
        offset: 0,
        tokens: request.prompt.tokens(),
    }];
    let segments = request.prompt.segments().unwrap_or(&whole).iter();
    let named = segments.map(|segment| Segment {
        content: if segment.content == own {
            ContentId::numbered(mix(own.0))
        } else {
            segment.content
        },
        ..*segment
    });
    request.prompt = Prompt::of_segments(named.collect::<Vec<_>>());
    request
}

/// A request as its attempt of a number, which is sent now.
pub(super) fn as_attempt(request: &Request, number: u32, now: Time) -> Request {
    let id = attempt_of(request.id, number);
    // Another attempt draws other tokens. Those that later prompts repeat are the ones that its client gets, which have
    // the name that these know them by.
    let output_name = if request.output_is_shared || number == 0 {
        request.output_name
    } else {
        OutputName {
            content: ContentId::output_of(id),
            offset: 0,
        }
    };
    Request {
        id,
        arrival: now,
        output_name,
        ..request.clone()
    }
}

/// How an attempt leaves for which nobody waits any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaves {
    pub(super) why: Loss,
    /// Whether its request has ended with it.
    pub(super) for_good: bool,
}

impl Leaves {
    /// What is told of it.
    pub(super) const fn event(self, waiting: bool) -> Event {
        let Self { why, for_good } = self;
        match why {
            Loss::TimedOut if for_good => Event::Aborted { waiting },
            _ => Event::Lost { waiting, why, for_good },
        }
    }
}

/// What is known of attempts beside what their servers know.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Those for which nobody waits, and that have not left their servers.
    pub(super) given_up: FxHashMap<RequestId, Leaves>,
    /// When the requests of those were first sent that were not sent to their servers at once.
    pub(super) first_sent: FxHashMap<RequestId, Time>,
    /// By server, those that are in it; nothing where no server may fail, come or go.
    inside: Vec<FxHashMap<RequestId, AttemptInside>>,
}

/// An attempt in a server.
#[derive(Clone, Copy, Debug)]
struct AttemptInside {
    runs: bool,
    /// When its request was first sent.
    first_sent: Time,
}

impl Attempts {
    /// Notes from now on who is in each of so many servers.
    pub(super) fn note_inside(&mut self, servers: usize) {
        self.inside.resize_with(servers, FxHashMap::default);
    }

    /// Whether it is noted who is in each server.
    pub(super) const fn are_noted_inside(&self) -> bool {
        !self.inside.is_empty()
    }

    /// One has come to a server.
    pub(super) fn has_come(&mut self, server: ServerId, id: RequestId, now: Time) {
        if let Some(inside) = self.inside.get_mut(server.place()) {
            let first_sent = self.first_sent.get(&id).copied().unwrap_or(now);
            let attempt = AttemptInside {
                runs: false,
                first_sent,
            };
            inside.insert(id, attempt);
        }
    }

    /// One starts or stops to run in its server.
    pub(super) fn note_running(&mut self, server: ServerId, id: RequestId, runs: bool) {
        if let Some(inside) = self.inside.get_mut(server.place()) {
            inside.get_mut(&id).expect("it has come").runs = runs;
        }
    }

    /// When the request of one in a server was first sent; `None` if nobody waits for it any more.
    pub(super) fn sent_and_waited_for(&self, server: ServerId, id: RequestId) -> Option<Time> {
        let attempt = self.inside.get(server.place())?.get(&id)?;
        (!self.given_up.contains_key(&id)).then_some(attempt.first_sent)
    }

    /// One has left a server.
    pub(super) fn has_left(&mut self, server: ServerId, id: RequestId) {
        if let Some(inside) = self.inside.get_mut(server.place()) {
            inside.remove(&id);
        }
    }

    /// How many are in a server.
    pub(super) fn count_inside(&self, server: ServerId) -> usize {
        self.inside[server.place()].len()
    }

    /// All in a server, in the order of their ids, and whether they run.
    pub(super) fn inside(&self, server: ServerId) -> Vec<(RequestId, bool)> {
        let all = self.inside.get(server.place()).into_iter().flatten();
        let mut all: Vec<_> = all.map(|(&id, attempt)| (id, attempt.runs)).collect();
        all.sort_unstable();
        all
    }
}
