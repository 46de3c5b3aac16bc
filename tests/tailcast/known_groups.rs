//! Groups of KV layers, by hand: what requests hold in each, and what they find.

use tailcast::engine::{self, ServerSettings};
use tailcast::hardware::{KvGroup, KvGroupKind};
use tailcast::kv::{KvGroups, NULL_BLOCK};
use tailcast::policy::vllm::{Member, VllmScheduler};
use tailcast::policy::{ContinuousSettings, Memory, PolicySettings};
use tailcast::units::Time;
use tailcast::workload::{ContentId, Prompt, Request, RequestId, Segment};

use KvGroupKind::{Chunked, Full, Sliding, State};

const BLOCK: u32 = 4;

fn memory(kinds: &[KvGroupKind]) -> Memory {
    let groups: Vec<KvGroup> = kinds
        .iter()
        .map(|&kind| KvGroup {
            kind,
            block_tokens: BLOCK,
        })
        .collect();
    Memory {
        usable_blocks: 99,
        block_tokens: BLOCK,
        max_model_len: 128,
        kv_groups: Some(KvGroups::new(&groups)),
    }
}

fn scheduler(kinds: &[KvGroupKind], retention_interval: Option<u32>) -> VllmScheduler {
    let rules = ContinuousSettings {
        prefix_caching: !kinds.iter().any(|kind| matches!(kind, State(_))),
        retention_interval,
        ..ContinuousSettings::new(8, 64)
    };
    VllmScheduler::new(rules, memory(kinds))
}

/// A prompt of pieces of contents, as (content, tokens), each from its beginning.
fn request(id: u64, prompt: &[(ContentId, u32)], output: u32) -> Request {
    let piece = |&(content, tokens): &(ContentId, u32)| Segment {
        content,
        offset: 0,
        tokens,
    };
    let prompt = Prompt::of_segments(prompt.iter().map(piece).collect::<Vec<_>>());
    let mut request = Request::new(RequestId(id), Time::ZERO, prompt, output, output);
    request.output_is_shared = true;
    request
}

fn serve(scheduler: &mut VllmScheduler, request: Request) -> u32 {
    scheduler.submit(request);
    let first = scheduler.schedule();
    let hit = first.scheduled[0].hit;
    scheduler.update(&first);
    while scheduler.running().len() > 0 {
        let plan = scheduler.schedule();
        scheduler.update(&plan);
    }
    hit
}

#[test]
fn each_group_holds_what_its_next_token_sees() {
    let mut scheduler = scheduler(&[Full, Sliding(8), Chunked(8), State(2)], Some(0));
    scheduler.submit(request(0, &[(ContentId::numbered(0), 10)], 30));
    for computed in (0..1).chain(10..39) {
        let plan = scheduler.schedule();
        let member: &Member = scheduler.running().next().unwrap();
        let entries = (computed.max(9) + 1_u32).div_ceil(BLOCK);
        let behind_window = (computed + 1).saturating_sub(8) / BLOCK;
        let behind_chunk = computed / 8 * 2;
        let held: Vec<u32> = member.held().collect();
        assert_eq!(held, [entries, entries - behind_window, entries - behind_chunk, 2]);
        let nulls = member.tables[1]
            .iter()
            .take_while(|&&block| block == NULL_BLOCK)
            .count();
        assert_eq!(nulls as u32, behind_window, "what is given back is null");
        let used = scheduler.pool().usable() - scheduler.pool().free_count();
        assert_eq!(used, held.iter().sum::<u32>());
        // Three groups keep tokens; a table's entries stand for as many as they could hold.
        let computed = u64::from(member.computed);
        assert_eq!(scheduler.empty_slots(), 3 * (u64::from(entries * BLOCK) - computed));
        scheduler.update(&plan);
    }
    assert_eq!(scheduler.running().len(), 0);
    assert_eq!(scheduler.pool().free_count(), 99);
}

#[test]
fn the_next_turn_finds_the_prompt_but_not_the_answer_through_a_window() {
    let (system, question) = (ContentId::numbered(0), ContentId::numbered(1));
    // Of 21 tokens 20 can be found, of 21 + 8 - 1 computed ones 28.
    for (retention_interval, expected) in [(Some(0), 20), (None, 28), (Some(12), 24)] {
        let mut scheduler = scheduler(&[Sliding(8), Full], retention_interval);
        assert_eq!(serve(&mut scheduler, request(0, &[(system, 21)], 8)), 0);
        let answer = ContentId::output_of(RequestId(0));
        let next = request(1, &[(system, 21), (answer, 8), (question, 5)], 3);
        assert_eq!(scheduler.cached_tokens(&next), expected);
        assert_eq!(serve(&mut scheduler, next), expected, "{retention_interval:?}");
    }
}

#[test]
fn who_leaves_a_shared_prefix_early_finds_it_the_second_time() {
    let (system, one, other) = (ContentId::numbered(0), ContentId::numbered(1), ContentId::numbered(2));
    let mut scheduler = scheduler(&[Full, Sliding(8)], Some(0));
    assert_eq!(serve(&mut scheduler, request(0, &[(system, 40)], 2)), 0);
    // The full layers have 24 tokens of it; of the window only what lies before token 36 was kept.
    assert_eq!(serve(&mut scheduler, request(1, &[(system, 24), (one, 10)], 2)), 0);
    // Now the junction is kept.
    assert_eq!(serve(&mut scheduler, request(2, &[(system, 24), (other, 10)], 2)), 24);
}

#[test]
fn an_admission_counts_of_a_window_what_it_reaches() {
    // 60 tokens in steps of 8: 15 blocks of every token; of a window of 8 at most (7 + 8) / 4, rounded up, and one.
    let rules = ContinuousSettings::new(8, 8);
    for (usable_blocks, comes_in) in [(19, false), (20, true)] {
        let memory = Memory {
            usable_blocks,
            ..memory(&[Full, Sliding(8)])
        };
        let mut scheduler = VllmScheduler::new(rules.clone(), memory);
        scheduler.submit(request(0, &[(ContentId::numbered(0), 60)], 2));
        assert_eq!(!scheduler.schedule().scheduled.is_empty(), comes_in);
    }
}

#[test]
fn it_is_known_which_groups_have_a_fast_engine() {
    let has_fast = |groups: &[(KvGroupKind, u32)], prefix_caching| {
        let group = |&(kind, block_tokens): &(KvGroupKind, u32)| KvGroup { kind, block_tokens };
        let groups: Vec<KvGroup> = groups.iter().map(group).collect();
        engine::has_fast(&ServerSettings {
            policy: PolicySettings::Continuous(ContinuousSettings {
                prefix_caching,
                ..ContinuousSettings::new(8, 64)
            }),
            kv_blocks: 100,
            block_tokens: BLOCK,
            max_model_len: 128,
            kv_groups: Some(KvGroups::new(&groups)),
        })
    };
    assert!(has_fast(&[(Full, 4), (Sliding(9), 4)], true));
    assert!(has_fast(&[(Full, 4), (State(1), 500)], false));
    assert!(!has_fast(&[(Full, 4), (Sliding(9), 8)], true), "unlike blocks");
    assert!(
        !has_fast(&[(Chunked(8), 4)], true),
        "nobody looks whether chunks are there"
    );
}
