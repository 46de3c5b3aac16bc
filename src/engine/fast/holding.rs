//! What a request has in the prefix cache: the names of its blocks, as far as other requests can ask for them.

use crate::kv::{CountedPool, Held, Hit, NamedBlocks, OwnBlocks, Stretch, StretchChain};
use crate::policy::Live;
use crate::workload::{ContentId, Request, RequestId, Segment};

/// A request's blocks: the named ones, then its own.
#[derive(Default)]
pub(super) struct Holding {
    /// Those that others can name; of most requests none.
    shared: Option<Box<Shared>>,
    /// Its other full blocks, after a preemption.
    own: Option<OwnBlocks>,
}

/// The blocks at a request's start that other requests can name.
struct Shared {
    /// Their names, as far as these are known.
    stretches: Vec<Stretch>,
    /// How many these are.
    nameable: u32,
    /// Goes on making names, if others can name its output too.
    output: Option<Box<OutputNames>>,
    /// Those that are computed or found.
    named: Vec<NamedBlocks>,
    /// Where the others begin.
    next: Place,
}

/// A place among the blocks that can be named.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Blocks before it.
    blocks: u32,
    /// The stretch it is in, and the blocks of this stretch before it.
    stretch: usize,
    block: u32,
}

struct OutputNames {
    chain: StretchChain,
    /// Output tokens the chain has seen.
    seen: u32,
}

impl Holding {
    pub(super) fn new(request: &Request, block_tokens: u32) -> Self {
        let shared = request
            .prompt
            .segments()
            .and_then(|segments| Shared::new(request, segments, block_tokens));
        Self {
            shared: shared.map(Box::new),
            own: None,
        }
    }

    /// Whether others can name its output.
    pub(super) fn names_output(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| shared.output.is_some())
    }

    /// The longest cached prefix of a waiting request, of at most `most` blocks; named blocks are left in `found`.
    pub(super) fn lookup(&mut self, live: &Live, most: u32, pool: &CountedPool, found: &mut Vec<NamedBlocks>) -> Hit {
        found.clear();
        let mut hit = Hit::default();
        if let Some(shared) = &mut self.shared {
            shared.learn(&live.request, live.generated);
            hit = pool.lookup(&shared.stretches, most, found);
        }
        // Its own blocks follow its named ones, and are never kept longer than these: if any are left, it has found all
        // named ones.
        if let Some(own) = self.own {
            let left = pool.own_left(own);
            hit.blocks += left;
            hit.unused += left;
        }
        hit
    }

    /// Takes what [`Holding::lookup`] has found.
    pub(super) fn take_hit(&mut self, pool: &mut CountedPool, found: &[NamedBlocks]) {
        if let Some(shared) = &mut self.shared {
            pool.share(found);
            shared.named.extend_from_slice(found);
            let blocks = found.iter().map(NamedBlocks::count).sum();
            while shared.next.blocks < blocks {
                shared.pass(blocks - shared.next.blocks);
            }
        }
        if let Some(own) = self.own.take() {
            pool.reclaim(own);
        }
    }

    /// Names the blocks that are full within the first `tokens` tokens and can be named, when `generated` output tokens
    /// are known.
    pub(super) fn name_full(&mut self, request: &Request, generated: u32, tokens: u32, pool: &mut CountedPool) {
        if let Some(shared) = &mut self.shared
            && (shared.next.blocks < shared.nameable || shared.output.is_some())
        {
            shared.learn(request, generated);
            shared.name_to(tokens / pool.block_tokens(), pool);
        }
    }

    /// Lets go of all `live.blocks` blocks, of which those within the first `known` tokens are full and named. If it
    /// `returns`, it may find them again.
    pub(super) fn release(&mut self, live: &Live, known: u32, returns: bool, pool: &mut CountedPool) {
        self.name_full(&live.request, live.generated, known, pool);
        let full = known / pool.block_tokens();
        let (named, named_blocks) = match &self.shared {
            Some(shared) => (&shared.named[..], shared.next.blocks),
            None => (&[][..], 0),
        };
        let held = Held {
            named,
            own_full: full - named_blocks,
            not_full: live.blocks - full,
        };
        self.own = pool.release(held, returns);
        if let Some(shared) = &mut self.shared {
            shared.named.clear();
            shared.next = Place::default();
        }
    }
}

impl Shared {
    /// `None` if nobody can name any of the request's blocks.
    fn new(request: &Request, segments: &[Segment], block_tokens: u32) -> Option<Self> {
        let not_own = before_own(request.id, segments);
        // Most often a content makes a stretch of its own, and a block that it shares with the next.
        let mut stretches = Vec::with_capacity(2 * not_own.len());
        let mut chain = StretchChain::new(block_tokens);
        for &segment in not_own {
            chain.extend(segment, |blocks| blocks.add_to(&mut stretches));
        }
        let shares_output = request.output_is_shared && not_own.len() == segments.len();
        let output = shares_output.then(|| Box::new(OutputNames { chain, seen: 0 }));
        if stretches.is_empty() && output.is_none() {
            return None;
        }
        Some(Self {
            nameable: stretches.iter().map(|stretch| stretch.blocks).sum(),
            stretches,
            output,
            named: Vec::new(),
            next: Place::default(),
        })
    }

    /// Learns the names of the output produced so far.
    fn learn(&mut self, request: &Request, generated: u32) {
        let Some(output) = &mut self.output else {
            return;
        };
        if generated == output.seen {
            return;
        }
        let name = request.output_name;
        let new = Segment {
            content: name.content,
            offset: name.offset + output.seen,
            tokens: generated - output.seen,
        };
        output.chain.extend(new, |blocks| {
            self.nameable += blocks.end - blocks.start;
            blocks.add_to(&mut self.stretches);
        });
        output.seen = generated;
    }

    /// Names its blocks up to number `end`, as far as they can be named.
    fn name_to(&mut self, end: u32, pool: &mut CountedPool) {
        let end = end.min(self.nameable);
        while self.next.blocks < end {
            let (key, start, end) = self.pass(end - self.next.blocks);
            let new = pool.name(key, start, end);
            NamedBlocks::append(&mut self.named, new);
        }
    }

    /// Moves on by up to `most` blocks, all in one stretch, and returns its key and their numbers in it.
    fn pass(&mut self, most: u32) -> (u64, u32, u32) {
        let next = &mut self.next;
        // Not before there is need: the last stretch may grow.
        if next.block == self.stretches[next.stretch].blocks {
            next.stretch += 1;
            next.block = 0;
        }
        let stretch = self.stretches[next.stretch];
        let start = next.block;
        next.block = stretch.blocks.min(start + most);
        next.blocks += next.block - start;
        (stretch.key, start, next.block)
    }
}

/// How many blocks a request that has not come finds from its start. They are named only as far as they are found: of
/// many servers few hold more than the beginning.
pub(super) fn cached_blocks(request: &Request, pool: &CountedPool) -> u32 {
    let segments = request.prompt.segments().unwrap_or_default();
    let mut chain = StretchChain::new(pool.block_tokens());
    let (mut found, mut full) = (0, 0);
    for &segment in before_own(request.id, segments) {
        chain.extend(segment, |blocks| {
            if found == full {
                found += pool.cached_of(blocks);
            }
            full += blocks.end - blocks.start;
        });
        if found < full {
            break;
        }
    }
    found
}

/// What of a prompt others can name: whatever follows what is a request's alone is so too.
fn before_own(id: RequestId, segments: &[Segment]) -> &[Segment] {
    let unique = ContentId::unique_prompt_of(id);
    let first_own = segments.iter().position(|segment| segment.content == unique);
    &segments[..first_own.unwrap_or(segments.len())]
}
