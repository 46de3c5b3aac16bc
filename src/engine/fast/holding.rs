//! What a request has in the prefix cache: the names of its blocks, as far as other requests can ask for them.

use crate::kv::{BlockKey, CountedPool, Held, KeyChain, NamedBlock, OwnBlocks};
use crate::policy::Live;
use crate::workload::{ContentId, Request, Segment};

/// A request's blocks: the named ones, then its own.
#[derive(Default)]
pub(super) struct Holding {
    /// Keys of the full blocks at its start that other requests can name.
    keys: Vec<BlockKey>,
    /// Goes on making keys, if others can name its output too.
    output: Option<Box<OutputKeys>>,
    /// Its blocks with these keys, as far as they are computed or found.
    named: Vec<NamedBlock>,
    /// Its other full blocks, after a preemption.
    own: Option<OwnBlocks>,
}

struct OutputKeys {
    chain: KeyChain,
    /// Output tokens the chain has seen.
    seen: u32,
}

/// What a request at the head of the queue finds in the cache.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hit {
    /// Blocks found.
    pub blocks: u32,
    /// Those of them that lie in the free queue and would leave it.
    pub unused: u32,
}

impl Holding {
    pub(super) fn new(request: &Request, block_tokens: u32) -> Self {
        let Some(segments) = request.prompt.segments() else {
            return Self::default();
        };
        let mut keys = Vec::new();
        let mut chain = KeyChain::new(block_tokens);
        let unique = ContentId::unique_prompt_of(request.id);
        let mut all_shared = true;
        for &segment in segments {
            if segment.content == unique {
                all_shared = false; // Whatever follows is this request's alone too.
                break;
            }
            chain.extend(segment, |key| keys.push(key));
        }
        let output = (all_shared && request.output_is_shared)
            .then(|| Box::new(OutputKeys { chain, seen: 0 }));
        Self {
            keys,
            output,
            ..Self::default()
        }
    }

    /// Whether others can name its output.
    pub(super) const fn names_output(&self) -> bool {
        self.output.is_some()
    }

    /// Learns the names of the output produced so far.
    fn learn(&mut self, request: &Request, generated: u32) {
        let Some(output) = &mut self.output else {
            return;
        };
        let name = request.output_name;
        let new = Segment {
            content: name.content,
            offset: name.offset + output.seen,
            tokens: generated - output.seen,
        };
        output.chain.extend(new, |key| self.keys.push(key));
        output.seen = generated;
    }

    /// The longest cached prefix of a waiting request, of at most `most` blocks; named blocks are left in `found`.
    pub(super) fn lookup(
        &mut self,
        live: &Live,
        most: u32,
        pool: &CountedPool,
        found: &mut Vec<NamedBlock>,
    ) -> Hit {
        self.learn(&live.request, live.generated);
        found.clear();
        let keys = &self.keys[..self.keys.len().min(most as usize)];
        pool.lookup(keys, found);
        let mut hit = Hit {
            blocks: found.len() as u32,
            unused: pool.count_unused(found),
        };
        // Its own blocks follow its named ones, and are never kept longer than these.
        if let Some(own) = self.own
            && found.len() == self.keys.len()
        {
            let left = pool.own_left(own).min(most - hit.blocks);
            hit.blocks += left;
            hit.unused += left;
        }
        hit
    }

    /// Takes what [`Holding::lookup`] has found.
    pub(super) fn take_hit(&mut self, pool: &mut CountedPool, found: &[NamedBlock]) {
        pool.share(found);
        self.named.extend_from_slice(found);
        if let Some(own) = self.own.take()
            && found.len() == self.keys.len()
        {
            pool.reclaim(own);
        }
    }

    /// Names the blocks that are full within the first `tokens` tokens and can be named, when `generated` output tokens are known.
    pub(super) fn name_full(
        &mut self,
        request: &Request,
        generated: u32,
        tokens: u32,
        pool: &mut CountedPool,
    ) {
        if self.named.len() == self.keys.len() && self.output.is_none() {
            return;
        }
        self.learn(request, generated);
        let block_tokens = pool.block_tokens();
        let full = (tokens / block_tokens) as usize;
        while self.named.len() < full.min(self.keys.len()) {
            let key = self.keys[self.named.len()];
            self.named.push(pool.name(key));
        }
    }

    /// Lets go of all `live.blocks` blocks, of which those within the first `known` tokens are full and named. If it `returns`, it may
    /// find them again.
    pub(super) fn release(
        &mut self,
        live: &Live,
        known: u32,
        returns: bool,
        pool: &mut CountedPool,
    ) {
        self.name_full(&live.request, live.generated, known, pool);
        let full = known / pool.block_tokens();
        let held = Held {
            named: &self.named,
            own_full: full - self.named.len() as u32,
            not_full: live.blocks - full,
        };
        self.own = pool.release(held, returns);
        self.named.clear();
    }
}
