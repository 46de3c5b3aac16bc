//! Where prefix hits are lost: worked out on paper, and counted again token by token in random worlds.

use serde_json::Value;
use tailcast::engine::{self, Engine, Event, Observer, Server, StepRun};
use tailcast::metrics::{Recorder, RecorderSettings, Summary, Trim};
use tailcast::units::Time;
use tailcast::workload::{ContentId, Request, RequestId};

use crate::command::Workplace;
use crate::sharing::tokens_of;
use crate::worlds::{World, world};

/// Ten blocks of 16 tokens, and 10 ms a step.
const SERVER: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 160
kv_blocks = 11
step_time = { base_us = 10000, per_token_us = 0, per_seq_us = 0 }
[batching]
policy = "continuous"
prefix_caching = true
[workload]
trace = { path = "trace.csv" }
"#;

/// The `kv` object of a run over these rows of arrival, input, output and segments.
fn kv(rows: &str, more: &[&str]) -> Value {
    let place = Workplace::new();
    place.write("scenario.toml", SERVER);
    let header = "arrival_s,input_tokens,output_tokens,segments\n";
    place.write("trace.csv", format!("{header}{rows}"));
    let mut arguments = vec!["run", "scenario.toml", "--quiet", "--format", "json"];
    arguments.extend(more);
    let ended = place.run(&arguments);
    let result: Value = ended.json();
    result["kv"].clone()
}

/// Tokens of the ideal cache, found, lost to capacity and lost to order.
fn losses(rows: &str, more: &[&str]) -> [i64; 4] {
    let kv = kv(rows, more);
    [
        "prefix_ideal_hit_tokens",
        "prefix_hit_tokens",
        "prefix_lost_to_capacity_tokens",
        "prefix_lost_to_order_tokens",
    ]
    .map(|key| kv[key].as_i64().unwrap_or_else(|| panic!("{key} in {kv}")))
}

#[test]
fn what_was_evicted_is_lost_to_capacity() {
    let rows = "0,100,1,a:100\n10,150,1,b:150\n20,100,1,a:100\n";
    assert_eq!(losses(rows, &[]), [96, 0, 96, 0]);
    // With room for both nothing is lost.
    let room = ["--set", "server.kv_blocks=21"];
    assert_eq!(losses(rows, &room), [96, 96, 0, 0]);
    // The tail goes first: seven blocks more leave three of six.
    let rows = "0,100,1,a:100\n10,100,1,b:100\n20,100,1,a:100\n";
    assert_eq!(losses(rows, &[]), [96, 48, 48, 0]);
}

#[test]
fn what_had_not_been_computed_is_lost_to_order() {
    // Both come in together, 16 tokens a step each: the second finds the one block that the first computes in this
    // step.
    let rows = "0,100,1,a:100\n0,100,1,a:100\n";
    let threshold = [
        "--set",
        "batching.long_prefill_token_threshold=16",
        "--set",
        "server.kv_blocks=31",
    ];
    assert_eq!(losses(rows, &threshold), [96, 16, 0, 80]);
    // What was rejected is never computed.
    assert_eq!(losses("0,200,1,a:200\n10,100,1,a:100\n", &[]), [96, 0, 0, 96]);
}

#[test]
fn a_prompt_can_lose_to_both() {
    // The first 48 tokens were computed and evicted; those that follow them were rejected.
    let rows = "0,100,1,a:100\n10,150,1,b:150\n20,200,1,a:48;c:152\n30,100,1,a:48;c:52\n";
    assert_eq!(losses(rows, &[]), [96, 0, 48, 48]);
}

#[test]
fn an_output_is_there_but_for_its_last_token() {
    // 38 + 10 tokens fill three blocks, but the last is never computed.
    let rows = "0,38,10,a:38\n10,64,1,a:38;out.0:10;b:16\n";
    assert_eq!(losses(rows, &[]), [32, 32, 0, 0]);
    let rows = "0,39,10,a:39\n10,64,1,a:39;out.0:10;b:15\n";
    assert_eq!(losses(rows, &[]), [48, 48, 0, 0]);
    // After 50 steps 38 + 50 tokens are computed or under way: five blocks of the eight of 38 + 99.
    let rows = "0,38,100,a:38\n0.5,150,1,a:38;out.0:100;b:12\n";
    let room = ["--set", "server.kv_blocks=31"];
    assert_eq!(losses(rows, &room), [128, 80, 0, 48]);
}

#[test]
fn without_a_cache_nothing_is_lost() {
    let rows = "0,100,1,a:100\n10,100,1,a:100\n";
    let kv = kv(rows, &["--set", "batching.prefix_caching=false"]);
    for key in [
        "prefix_ideal_hit_tokens",
        "prefix_ideal_hit_ratio",
        "prefix_lost_to_capacity_tokens",
        "prefix_lost_to_order_tokens",
    ] {
        assert!(kv[key].is_null(), "{key} in {kv}");
    }
}

/// Counts what a recorder counts, with lists of all tokens.
struct Recount<'a> {
    world: &'a World,
    /// What an unlimited cache holds that is fed as the run goes.
    computed: Vec<Vec<(ContentId, u32)>>,
    /// What each request found and what that cache knew.
    found: Vec<Option<(u32, u32)>>,
    sums: [i64; 4],
}

impl Recount<'_> {
    fn request(&self, id: RequestId) -> &Request {
        &self.world.requests[id.0 as usize]
    }

    fn prompt(&self, id: RequestId) -> Vec<(ContentId, u32)> {
        match self.request(id).prompt.segments() {
            Some(_) => tokens_of(&self.request(id).prompt),
            None => (0..self.request(id).prompt.tokens())
                .map(|place| (ContentId::unique_prompt_of(id), place))
                .collect(),
        }
    }

    /// The prompt and what is computed of the output.
    fn all(&self, id: RequestId) -> Vec<(ContentId, u32)> {
        let request = self.request(id);
        let mut tokens = self.prompt(id);
        let room = self.world.settings.max_model_len as usize;
        let output = (request.output_tokens as usize).min(room.saturating_sub(tokens.len()));
        if request.output_is_shared {
            tokens.extend((1..output as u32).map(|place| (request.output_name.content, place - 1)));
        }
        tokens
    }

    fn usable(&self, id: RequestId, cached: &[Vec<(ContentId, u32)>]) -> u32 {
        let prompt = self.prompt(id);
        let agree = |other: &Vec<(ContentId, u32)>| {
            let pairs = prompt.iter().zip(other);
            pairs.take_while(|(one, other)| one == other).count()
        };
        let longest = cached.iter().map(agree).max().unwrap_or(0);
        let block = self.world.settings.block_tokens;
        longest.min(prompt.len() - 1) as u32 / block * block
    }
}

impl Observer for Recount<'_> {
    fn on(&mut self, _at: Time, id: RequestId, event: &Event) {
        match *event {
            Event::Admitted { resumed: false, tokens } => {
                let hit = self.request(id).prompt.tokens() - tokens;
                let known = self.usable(id, &self.computed).max(hit);
                self.found[id.0 as usize] = Some((hit, known));
            }
            Event::FirstToken => self.computed.push(self.prompt(id)),
            Event::Finished(_) => {
                let earlier: Vec<_> = (0..id.0).map(|id| self.all(RequestId(id))).collect();
                let ideal = self.usable(id, &earlier);
                self.computed.push(self.all(id));
                let (hit, known) = self.found[id.0 as usize].expect("it was admitted");
                let [ideal, hit, known] = [ideal, hit, known].map(i64::from);
                for (sum, one) in self.sums.iter_mut().zip([ideal, hit, known - hit, ideal - known]) {
                    *sum += one;
                }
            }
            _ => {}
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

fn run(world: &World, mut engine: Server, observer: &mut dyn Observer) {
    for request in &world.requests {
        engine.advance(request.arrival, observer);
        observer.sent(request);
        engine.submit(request.clone(), observer);
    }
    engine.advance(Time::LIMIT, observer);
}

fn summary(world: &World, engine: Server) -> Summary {
    let mut recorder = Recorder::new(&RecorderSettings {
        pools: Vec::new(),
        server: &world.settings,
        prefix_caching: true,
        slos: &[],
        gpu_work: None,
        step_prices: None,
        trim: Trim::Nothing,
    });
    run(world, engine, &mut recorder);
    Summary::of(&recorder.finish())
}

#[test]
fn random_worlds_lose_what_a_recount_token_by_token_says() {
    let mut totals = [0; 4];
    for seed in 0..200 {
        let world = world("continuous with prefix cache", seed);
        let mut recount = Recount {
            world: &world,
            computed: Vec::new(),
            found: vec![None; world.requests.len()],
            sums: [0; 4],
        };
        let step_time = || Box::new(world.step_time.clone());
        run(&world, engine::reference(&world.settings, step_time()), &mut recount);
        for engine in [engine::reference, engine::fast] {
            let kv = summary(&world, engine(&world.settings, step_time())).kv;
            let counted = [
                kv.prefix_ideal_hit_tokens.unwrap().cast_signed(),
                kv.prefix_hit_tokens.cast_signed(),
                kv.prefix_lost_to_capacity_tokens.unwrap().cast_signed(),
                kv.prefix_lost_to_order_tokens.unwrap(),
            ];
            assert_eq!(counted, recount.sums, "world {seed}");
            assert_eq!(counted[0], counted[1..].iter().sum::<i64>());
        }
        for (total, one) in totals.iter_mut().zip(recount.sums) {
            *total += one;
        }
    }
    assert!(totals.iter().all(|&total| total > 0), "{totals:?}");
}

#[test]
fn what_windows_do_not_keep_is_not_blamed_on_capacity_alone() {
    let place = Workplace::new();
    let scenario = include_str!("../../configs/scenarios/chat_sessions.toml");
    place.write("s.toml", scenario);
    let told = |model: &str| {
        let model = format!("model.name={model}");
        let few = "workload.requests=300";
        place.run(&["run", "s.toml", "--set", &model, "--set", few]).stdout
    };
    assert!(told("gpt-oss-20b").contains(" lost to capacity or behind windows, "));
    assert!(told("llama-3.1-8b").contains(" lost to capacity, "));
}
