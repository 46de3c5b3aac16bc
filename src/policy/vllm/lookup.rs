//! What a request finds in the prefix cache.

use super::group_search::Search;
use super::member::Member;
use super::scheduler::VllmScheduler;
use crate::kv::BlockId;
use crate::workload::Request;

/// What a request finds.
#[derive(Clone, Debug)]
pub(super) struct CacheHit {
    /// How many tokens it does not have to compute.
    pub tokens: u32,
    /// The blocks that hold them, by group; null where no later token sees them.
    pub tables: Vec<Vec<BlockId>>,
    /// How many tokens some groups would have had, if all together have fewer.
    pub junction: Option<u32>,
}

impl VllmScheduler {
    /// What a request finds; at least one token is left to compute. Notes what some of its layers would have had.
    pub(super) fn lookup(&self, member: &mut Member) -> CacheHit {
        let hit = self.lookup_within(member, member.num_tokens() - 1);
        member.junction = hit.junction;
        hit
    }

    /// What a request finds of its first `most` tokens.
    fn lookup_within(&self, member: &mut Member, most: u32) -> CacheHit {
        let mut hit = CacheHit {
            tokens: 0,
            tables: vec![Vec::new(); self.groups.len()],
            junction: None,
        };
        // Of what is a request's alone nothing is there before it has been here.
        if !self.rules.prefix_caching || self.groups.is_one_full() && member.keeps_own(self.key_rule.block_tokens) {
            return hit;
        }
        let search = Search {
            pool: &self.pool,
            keys: member.keys(),
            key_tokens: self.key_rule.block_tokens,
            alignment: self.alignment,
        };
        let (mut tokens, mut found, longest) = search.agree(&self.classes, most);
        let speculative = self.rules.speculative.as_ref();
        if tokens > 0 && speculative.is_some_and(|drafts| drafts.recomputes_last_hit) {
            (tokens, found, _) = search.agree(&self.classes, tokens - 1);
        }
        hit.tokens = tokens;
        hit.junction = (longest > tokens).then_some(longest);
        for (class, run) in self.classes.iter().zip(found) {
            for (number, table) in search.tables(class, run, tokens) {
                hit.tables[number] = table;
            }
        }
        hit
    }

    /// How much of its prompt a request would find if it were admitted now, up to the first output that is still under
    /// way [tokens].
    pub fn cached_tokens(&self, request: &Request) -> u32 {
        let inside = || self.waiting.iter().chain(&self.running).map(Box::as_ref);
        let is_under_way = |content| {
            let mut outputs = inside().filter(|member| member.request.output_is_shared);
            outputs.any(|member| member.request.output_name.content == content)
        };
        let known = request.prompt.tokens_before(is_under_way);
        let all = request.prompt.tokens() - 1;
        let most = known.map_or(all, |known| known.min(all));
        let mut member = self.member(request.clone());
        // A hit of layers that keep all tokens can be cut, one of a window cannot.
        let within = if self.groups.is_one_full() { all } else { most };
        let hit = self.lookup_within(&mut member, within).tokens;
        hit.min(most - most % self.alignment)
    }
}
