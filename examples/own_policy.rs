//! A batching policy of one's own beside vLLM's: of those that wait, the one that needs the fewest tokens comes in
//! first. `cargo run --release --example own_policy`

use tailcast::engine::{self, Engine, Event, Heard, Server, Transcript};
use tailcast::policy::{
    ContinuousSettings, Decision, Memory, OrderMatters, Planned, Policy, PolicySettings, Queue, ScheduledAs, StepPlan,
};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{Prompt, Request, RequestId};

/// Every step a token for each that runs and the whole prompts of whoever comes in; at most 16 run, for which there is
/// always memory.
struct ShortestFirst;

impl Policy for ShortestFirst {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let queue = queue.one_by_one()?;
        let mut plan = StepPlan::default();
        for live in &queue.running {
            plan.schedule(live, ScheduledAs::Running, 1);
        }
        let waiting = queue.waiting.make_contiguous();
        waiting.sort_by_key(|live| live.request.most_tokens());
        while queue.running.len() < 16 && !queue.waiting.is_empty() {
            let kind = queue.admit_head(now);
            let live = queue.running.last().expect("it was admitted");
            plan.schedule(live, kind, live.num_tokens());
        }
        if plan.scheduled.is_empty() {
            return Ok(Decision::Idle);
        }
        // Room for the longest request beside every other: this policy knows no shortage of memory.
        let longest = queue.memory.blocks_for(queue.memory.max_model_len);
        plan.used_blocks = longest * queue.running.len() as u32;
        Ok(Decision::Step(plan))
    }

    fn can_ever_serve(&self, _request: &Request, _memory: &Memory) -> bool {
        true
    }
}

fn main() {
    let memory = Memory {
        usable_blocks: 8192,
        block_tokens: 16,
        max_model_len: 8192,
        kv_groups: None,
    };
    let vllm = PolicySettings::Continuous(ContinuousSettings::new(16, 2048)).planner(memory.clone());
    let own = Planned::new(Box::new(ShortestFirst), memory.clone());
    for (name, planner) in [("continuous", vllm), ("shortest first", Box::new(own))] {
        let step_time = Affine {
            base: Span::from_picos(6_000_000_000),
            per_token: Span::from_picos(40_000_000),
            per_sequence: Span::from_picos(20_000_000),
        };
        let mut latencies = serve(engine::of_planner(planner, memory.clone(), Box::new(step_time)));
        latencies.sort_by(f64::total_cmp);
        let at = |part: f64| latencies[(part * (latencies.len() - 1) as f64) as usize];
        println!("{name:14}  p50 {:5.2} s  p99 {:5.2} s", at(0.5), at(0.99));
    }
}

/// How long each request takes, from its arrival to its last token [s].
fn serve(mut server: Server) -> Vec<f64> {
    let mut latencies = Vec::new();
    let mut observer = Transcript(|heard| {
        let Heard::Event { event, .. } = heard else { return };
        if let Event::Finished(request) = event {
            latencies.push((request.finished - request.arrival).seconds());
        }
    });
    for id in 0..1000 {
        let arrival = Time::from_picos(id * 110_000_000_000);
        let (input, output) = (100 + 37 * (id as u32 % 50), 20 + 31 * (id as u32 % 17));
        server.advance(arrival, &mut observer);
        let request = Request::new(RequestId(id), arrival, Prompt::unique(input), output, output);
        server.submit(request, &mut observer);
    }
    server.advance(Time::LIMIT, &mut observer);
    latencies
}
