//! The back-of-envelope number of users, (GPU memory - weights) / KV per user, held against the simulation: what each
//! of the things that it leaves out makes of it, measured one at a time.

use super::capacity::Capacity;
use super::capacity_search::{CapacitySearch, USUAL_START};
use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::memory_left_out::MemoryLeftOut;
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Workers, replay};
use crate::config::{Deployment, Flag, Workload};
use crate::metrics::{Contexts, Summary};

/// Lengths of contexts [tokens].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContextLengths {
    /// Mean of prompts.
    pub mean_prompt: f64,
    /// Mean of outputs.
    pub mean_output: f64,
    /// Median of prompt and output.
    pub p50: f64,
    /// What one in twenty exceeds.
    pub p95: f64,
}

/// A server with continuous batching whose memory is the only limit, with clients enough to fill it.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Requests running at once, median over time.
    pub users: f64,
    /// Whether others waited more than half of the time: otherwise the clients were too few, or paused, and memory
    /// holds more.
    pub is_full: bool,
    /// All its numbers.
    pub summary: Summary,
}

/// The formula and what it leaves out. What could not be measured, or does not apply, is `None`.
#[derive(Clone, Debug)]
pub struct FormulaCheck {
    /// How long contexts are.
    pub contexts: ContextLengths,
    /// KV of a user of median and of P95 length [bytes per GPU].
    pub kv_bytes: (f64, f64),
    /// The formula with the mean context.
    pub users_by_mean: f64,
    /// The formula with the P95 context.
    pub users_by_p95: f64,
    /// The memory that the formula forgets, with the mean context.
    pub memory: MemoryLeftOut,
    /// Filled with the scenario's own requests.
    pub filled: Filled,
    /// Filled with contexts that are all of mean length.
    pub all_mean: Filled,
    /// Filled with contexts that are all of P95 length.
    pub all_p95: Filled,
    /// With the prefix cache and without.
    pub prefix: Option<(Filled, Filled)>,
    /// With drafts of an EAGLE head: the memory per token with and without, and the server filled; otherwise why that
    /// was not measured.
    pub drafts: Result<DraftsCost, &'static str>,
    /// Static batches of as many as the server holds without a prefix cache, which they have none of.
    pub static_batch: Summary,
    /// The highest concurrency that meets the objectives, if there are any.
    pub under_slo: Option<Capacity>,
}

/// What drafting takes of the KV cache.
#[derive(Clone, Debug)]
pub struct DraftsCost {
    /// KV of a token with and without drafts [bytes per GPU].
    pub bytes_per_token: (u64, u64),
    /// Blocks that fit with and without.
    pub blocks: (u32, u32),
    /// The server filled, with its own number of blocks.
    pub filled: Filled,
}

/// Asks what the formula leaves out of a scenario.
pub struct FormulaQuestion<'a> {
    /// The scenario's text, from which changed scenarios are made.
    pub base: &'a Base,
    /// As it is.
    pub input: &'a Input,
    /// Threads that the runs are spread over.
    pub workers: &'a Workers,
    /// Makes one run of a scenario with a seed.
    pub simulate: &'a Simulate<'a>,
    /// How many times as long as the scenario's own the runs may become that search for what meets the objectives.
    pub longest: u32,
}

/// Clients for each user of the formula, so that some always wait.
const CLIENTS_PER_USER: f64 = 2.0;
/// Requests of each client, so that most of a run is neither its start nor its end.
const REQUESTS_PER_CLIENT: f64 = 8.0;
/// Where runs may not become longer, requests of each client in the search under the objectives, and of all at least.
const FEW_REQUESTS_PER_CLIENT: u64 = 40;
const FEW_REQUESTS: u64 = 3_000;
/// More clients take long and tell nothing more.
const MOST_CLIENTS: f64 = 50_000.0;
/// The drafts that are tried: three by an EAGLE head, of which vLLM's documentation says that two or so are accepted.
const DRAFTS: &str = "batching.speculative={ method = \"eagle\", tokens = 3, acceptance = 0.7 }";

impl FormulaQuestion<'_> {
    /// Measures each thing that the formula leaves out, one by one.
    pub fn answer(&self) -> Result<FormulaCheck, Stopped> {
        if self.input.scenario.traffic.is_prompt_only() {
            return Err(Stopped::failed(
                "with output = 0 no context stays in memory while its answer is written: it does not count users",
            ));
        }
        let contexts = self.context_lengths()?;
        let memory = &self.input.scenario.deployment.memory;
        let mean = contexts.mean_prompt + contexts.mean_output;
        let (users_by_mean, users_by_p95) = (memory.closed_form_users(mean), memory.closed_form_users(contexts.p95));
        let clients = (users_by_mean * CLIENTS_PER_USER).clamp(8.0, MOST_CLIENTS).round();
        let filled = self.filled(&self.own(clients)?)?;
        // A long context has its prompt and its output longer by the same factor.
        let stretch = contexts.p95 / mean;
        let [all_mean, all_p95] = [1.0, stretch].map(|factor| {
            let (prompt, output) = (contexts.mean_prompt * factor, contexts.mean_output * factor);
            self.filled(&self.even(clients, prompt.round(), output.round()))
        });
        let prefix = self.prefix(clients, &filled)?;
        let without_cache = prefix.as_ref().map_or(&filled, |(_, off)| off);
        let kv = |tokens| memory.kv_bytes_of_user(tokens);
        Ok(FormulaCheck {
            contexts,
            kv_bytes: (kv(contexts.p50), kv(contexts.p95)),
            users_by_mean,
            users_by_p95,
            memory: MemoryLeftOut::of(&self.input.scenario.deployment, mean),
            drafts: self.drafts(clients)?,
            static_batch: self.static_batch(clients, without_cache.users)?,
            under_slo: self.under_slo()?,
            prefix,
            filled,
            all_mean: all_mean?,
            all_p95: all_p95?,
        })
    }

    fn context_lengths(&self) -> Result<ContextLengths, Stopped> {
        let mut contexts = Contexts::default();
        let scenario = &self.input.scenario;
        replay(scenario, scenario.seed, &mut contexts)?;
        let [p50, p95] = contexts
            .wholes
            .quantiles([0.5, 0.95])
            .ok_or_else(|| Stopped::failed("no request finished, so there is no context to size by"))?;
        Ok(ContextLengths {
            mean_prompt: contexts.prompts.mean().unwrap_or(1.0),
            mean_output: contexts.outputs.mean().unwrap_or(1.0),
            p50,
            p95,
        })
    }

    fn dial(&self) -> Result<LoadDial, Stopped> {
        let dial = LoadDial::new(LoadKind::Concurrency, self.input).map_err(Stopped::Failed)?;
        Ok(if self.longest == 1 {
            dial.in_short_runs(FEW_REQUESTS_PER_CLIENT, FEW_REQUESTS)
        } else {
            dial
        })
    }

    /// The scenario's own requests from so many clients.
    fn own(&self, clients: f64) -> Result<Vec<String>, Stopped> {
        let mut changes = self.memory_alone(clients);
        let dial = self.dial()?;
        changes.push(dial.load_flag(clients).assignment);
        changes.extend(dial.start_flag().map(|flag| flag.assignment));
        if matches!(
            self.input.scenario.traffic.only_workload(),
            Some(Workload::Synthetic(_))
        ) {
            changes.push(format!("workload.requests={}", clients * REQUESTS_PER_CLIENT));
        }
        Ok(changes)
    }

    /// Requests of one length from so many clients.
    fn even(&self, clients: f64, prompt: f64, output: f64) -> Vec<String> {
        let mut changes = self.memory_alone(clients);
        let requests = clients * REQUESTS_PER_CLIENT;
        let (prompt, output) = (prompt.max(1.0), output.max(1.0));
        changes.push(format!(
            "workload={{ requests = {requests}, warm_up = \"auto\", arrivals = {{ process = \"closed\", concurrency = \
             {clients} }}, prompt = {{ dist = \"fixed\", value = {prompt} }}, output = {{ dist = \"fixed\", value = \
             {output} }} }}"
        ));
        changes
    }

    /// Continuous batching without any limit on requests, on the same blocks.
    fn memory_alone(&self, clients: f64) -> Vec<String> {
        let server = &self.input.scenario.deployment.server;
        let (blocks, has_one_table) = (server.kv_blocks, server.kv_groups.is_none());
        vec![
            format!("batching.disable_hybrid_kv_cache_manager={has_one_table}"),
            "batching.policy=\"continuous\"".to_owned(),
            format!("batching.max_num_seqs={clients}"),
            // Room for every request with its drafts, and for a prompt beside them.
            format!("batching.max_num_batched_tokens={}", 4.0 * clients + 8192.0),
            format!("server.kv_blocks={blocks}"),
        ]
    }

    fn input_with(&self, changes: &[String]) -> Result<Input, Stopped> {
        let flags: Vec<Flag> = changes.iter().map(|it| Flag::new("--set", it)).collect();
        let read = self.base.with(&flags);
        read.map_err(|problem| Stopped::Invalid("explaining the capacity".to_owned(), problem))
    }

    fn run(&self, changes: &[String]) -> Result<Summary, Stopped> {
        let input = self.input_with(changes)?;
        let recording = (self.simulate)(&input, input.scenario.seed)?;
        Ok(Summary::of(&recording))
    }

    fn filled(&self, changes: &[String]) -> Result<Filled, Stopped> {
        let summary = self.run(changes)?;
        Ok(Filled {
            users: summary.queue.running.p50.unwrap_or(0) as f64,
            is_full: summary.queue.depth.p50.is_some_and(|depth| depth > 0),
            summary,
        })
    }

    /// With the prefix cache and without; `None` if it finds nothing. One of the two is what was `filled` already.
    fn prefix(&self, clients: f64, filled: &Filled) -> Result<Option<(Filled, Filled)>, Stopped> {
        let mut changes = self.own(clients)?;
        let is_on = self.input_with(&changes)?.scenario.deployment.prefix_caching;
        changes.push(format!("batching.prefix_caching={}", !is_on));
        let (one, other) = (filled.clone(), self.filled(&changes)?);
        let (on, off) = if is_on { (one, other) } else { (other, one) };
        let hits = on.summary.kv.prefix_hit_tokens > 0;
        Ok(hits.then_some((on, off)))
    }

    fn drafts(&self, clients: f64) -> Result<Result<DraftsCost, &'static str>, Stopped> {
        if self.input.scenario.deployment.drafts.is_some() {
            return Ok(Err("drafts are on already"));
        }
        if self.input.scenario.deployment.kv_blocks_given {
            return Ok(Err("the scenario gives the number of blocks"));
        }
        let without = self.input_with(&["batching.policy=\"continuous\"".to_owned()])?;
        let with = self.base.with(&[
            Flag::new("--set", "batching.policy=\"continuous\""),
            Flag::new("--set", DRAFTS),
        ]);
        let Ok(with) = with else {
            return Ok(Err("this model cannot be served with an EAGLE head here"));
        };
        let blocks = (
            with.scenario.deployment.server.kv_blocks,
            without.scenario.deployment.server.kv_blocks,
        );
        let mut changes = self.own(clients)?;
        changes.push(DRAFTS.to_owned());
        changes.push(format!("server.kv_blocks={}", blocks.0));
        Ok(Ok(DraftsCost {
            bytes_per_token: (
                with.scenario.deployment.memory.kv_bytes_per_token,
                without.scenario.deployment.memory.kv_bytes_per_token,
            ),
            blocks,
            filled: self.filled(&changes)?,
        }))
    }

    /// The clients served by batches of `users`.
    fn static_batch(&self, clients: f64, users: f64) -> Result<Summary, Stopped> {
        let mut changes = self.own(clients)?;
        changes.push("batching.policy=\"static\"".to_owned());
        if let Some(blocks) = self.blocks_of_one_table() {
            changes.push(format!("server.kv_blocks={blocks}"));
        }
        changes.push(format!("batching.max_batch_size={}", users.max(1.0)));
        self.run(&changes)
    }

    /// The blocks of the same memory for a policy that keeps every token in every layer, if the scenario's has groups
    /// of layers.
    fn blocks_of_one_table(&self) -> Option<u32> {
        let Deployment { server, memory, .. } = &self.input.scenario.deployment;
        server.kv_groups.as_ref()?;
        let bytes = u64::from(server.kv_blocks) * memory.kv_pool.layout.bytes_per_block;
        let of_block = memory.kv_bytes_per_token * u64::from(memory.block_tokens);
        let longest = server.max_model_len.div_ceil(memory.block_tokens) + 1;
        u32::try_from(bytes / of_block).ok().map(|blocks| blocks.max(longest))
    }

    fn under_slo(&self) -> Result<Option<Capacity>, Stopped> {
        if !self.input.has_objectives() {
            return Ok(None);
        }
        let dial = self.dial()?;
        let question = CapacitySearch {
            base: self.base,
            dial: &dial,
            changes: &[],
            steps_times: 1.0,
            seeds: &[self.input.scenario.seed],
            longest: self.longest,
            start: dial.load_of(self.input).unwrap_or(USUAL_START),
        };
        question.answer(self.workers, self.simulate).map(Some)
    }
}
