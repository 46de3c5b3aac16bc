//! The door to a live server: whoever holds it hands over requests, from any thread.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::lateness::Lateness;
use super::tokenizer::{StopFound, answer_text, first_stop, tokens};
use crate::config::{Scenario, Workload};
use crate::metrics::ExposedRun;
use crate::report::write_metrics_text;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::study::live::{Command, LiveClient, LiveEnd, LiveNews, PromptNames};
use crate::units::Time;
use crate::workload::{LengthDistribution, LengthSampler, Lengths, Prompt, Request, RequestId};

/// A live server. Clones are doors to the same one.
#[derive(Clone)]
pub struct LiveServer {
    about: Arc<About>,
    entrance: Arc<Mutex<Entrance>>,
    lateness: Arc<Lateness>,
}

/// What does not change while it runs.
struct About {
    scenario: String,
    model: String,
    engine: String,
    max_model_len: u32,
    servers: u32,
    is_fleet: bool,
    refuses_with: Option<u16>,
    retry_after_s: Option<u64>,
}

/// What requests pass one after the other.
struct Entrance {
    commands: Sender<Command>,
    next: u64,
    /// Of all prompts that are remembered until their answers are there.
    tokens_inside: usize,
    names: PromptNames,
    lengths: LengthSampler,
    random: Xoshiro256PlusPlus,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The prompt.
    pub tokens: Vec<u64>,
    /// The longest answer; `None` for what the model has room for.
    pub max_tokens: Option<u32>,
    /// The shortest answer.
    pub min_tokens: u32,
    /// Whether the answer is as long as it may be; otherwise the scenario says how long it is.
    pub ignore_eos: bool,
    /// Texts that end the answer where one of them comes up.
    pub stops: Vec<String>,
    /// Lower numbers go first where the server heeds them.
    pub priority: i32,
    /// When the client's request was there.
    pub came: Instant,
}

/// A request that was handed over.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Its number, which its words grow from too.
    pub id: RequestId,
    /// Length of the prompt [tokens].
    pub input_tokens: u32,
    /// The text that will end its answer, if one does.
    pub stop: Option<StopFound>,
}

/// Why a request was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// A prompt without a token.
    Empty,
    /// Prompt and answer are longer than the model allows.
    TooLong {
        /// What it allows [tokens].
        allowed: u32,
        /// The prompt [tokens].
        prompt: usize,
        /// What was asked for beside it [tokens].
        answer: u32,
    },
    /// All prompts that are inside are too long together.
    Full,
    /// Nobody serves any more.
    Over,
}

/// Beginnings of prompts that are remembered, in blocks: as many as any cache holds, and some 100 MB.
const MOST_BLOCKS: usize = 1 << 20;

/// All prompts inside have so many tokens at most, 512 MB of memory.
const MOST_TOKENS_INSIDE: usize = 64 << 20;

/// How long answers are where the workload is recorded: as in the demo.
const USUAL_OUTPUT: Lengths = Lengths {
    distribution: LengthDistribution::LogNormal {
        median: 200.0,
        sigma: 0.6,
    },
    min: 1,
    max: 2_000,
};

impl LiveServer {
    pub(super) fn new(scenario: &Scenario, model: String, commands: Sender<Command>) -> Self {
        let hardships = scenario.operation.fleet.as_ref().map(|fleet| &fleet.hardships);
        let admission = hardships.map(|hardships| hardships.admission);
        let deployments = scenario.deployments();
        let lengths = deployments
            .iter()
            .map(|(deployment, _)| deployment.server.max_model_len);
        let about = About {
            scenario: scenario.name.clone(),
            model,
            engine: scenario.engine(),
            max_model_len: lengths.max().unwrap_or(u32::MAX),
            servers: scenario.operation.servers(),
            is_fleet: scenario.operation.fleet.is_some(),
            refuses_with: admission.and_then(|admission| admission.status),
            retry_after_s: admission
                .and_then(|admission| admission.retry_after)
                .map(|pause| pause.seconds().ceil() as u64),
        };
        let output = scenario.traffic.workloads().find_map(|workload| match workload {
            Workload::Synthetic(workload) if !workload.output.are_none() => Some(&workload.output),
            _ => None,
        });
        let blocks = deployments.iter().map(|(deployment, _)| deployment.server.block_tokens);
        let entrance = Entrance {
            commands,
            next: 0,
            tokens_inside: 0,
            names: PromptNames::new(blocks.min().unwrap_or(16), MOST_BLOCKS),
            lengths: output.unwrap_or(&USUAL_OUTPUT).sampler(),
            random: stream(scenario.seed, "lengths of served answers"),
        };
        Self {
            about: Arc::new(about),
            entrance: Arc::new(Mutex::new(entrance)),
            lateness: Arc::default(),
        }
    }

    /// The name of the scenario.
    pub fn scenario(&self) -> &str {
        &self.about.scenario
    }

    /// The model as clients know it.
    pub fn model(&self) -> &str {
        &self.about.model
    }

    /// The engine that is simulated, with its release: `vLLM 0.33`.
    pub fn engine(&self) -> &str {
        &self.about.engine
    }

    /// How many servers there are at most.
    pub fn servers(&self) -> u32 {
        self.about.servers
    }

    /// Whether requests may be refused, or be lost with a server.
    pub fn may_fail(&self) -> bool {
        self.about.is_fleet
    }

    /// The most tokens of a request, prompt and answer together.
    pub fn max_model_len(&self) -> u32 {
        self.about.max_model_len
    }

    /// The HTTP status with which requests are refused; `None` if none ever is.
    pub fn refuses_with(&self) -> Option<u16> {
        self.about.refuses_with
    }

    /// How long clients who were refused are asked to pause [s].
    pub fn retry_after_s(&self) -> Option<u64> {
        self.about.retry_after_s
    }

    /// How late what clients hear goes out, which whoever sends it notes.
    pub fn lateness(&self) -> Arc<Lateness> {
        Arc::clone(&self.lateness)
    }

    /// Hands over a request, of which `client` will hear.
    pub fn submit(&self, ask: Ask, client: Box<dyn LiveClient>) -> Result<Submitted, NotTaken> {
        let allowed = self.about.max_model_len;
        let prompt = ask.tokens.len();
        let room = (allowed as usize).saturating_sub(prompt);
        let answer = ask.max_tokens.unwrap_or(room as u32);
        if prompt == 0 {
            return Err(NotTaken::Empty);
        }
        if room == 0 || answer as usize > room {
            let answer = ask.max_tokens.unwrap_or(1);
            return Err(NotTaken::TooLong {
                allowed,
                prompt,
                answer,
            });
        }
        let mut entrance = self.entrance();
        if entrance.tokens_inside + prompt > MOST_TOKENS_INSIDE {
            return Err(NotTaken::Full);
        }
        entrance.tokens_inside += prompt;
        let output = if ask.ignore_eos {
            answer
        } else {
            let Entrance { lengths, random, .. } = &mut *entrance;
            lengths.draw(random).max(ask.min_tokens).clamp(1, answer)
        };
        let id = RequestId(entrance.next);
        entrance.next += 1;
        let prompt = entrance.names.prompt(&ask.tokens);
        let stop = first_stop(id.0, ask.min_tokens, output, &ask.stops);
        let output = stop.as_ref().map_or(output, |stop| stop.tokens);
        let mut request = Request::new(id, Time::ZERO, prompt.clone(), output, answer);
        request.stops |= stop.is_some();
        request.priority = ask.priority;
        request.ignore_eos = ask.ignore_eos;
        request.output_is_shared = true;
        let client = Remembering {
            client,
            entrance: Arc::clone(&self.entrance),
            id,
            prompt,
            tokens: ask.tokens,
        };
        let input_tokens = request.prompt.tokens();
        let sent = entrance
            .commands
            .send(Command::Send(request, ask.came, Box::new(client)));
        drop(entrance);
        // What was not sent comes back, and takes itself out.
        sent.map_err(|_| NotTaken::Over)?;
        Ok(Submitted { id, input_tokens, stop })
    }

    /// The client of a request has left.
    pub fn leave(&self, id: RequestId) {
        // Where nobody serves any more there is nothing to leave.
        let _ = self.entrance().commands.send(Command::Leave(id));
    }

    /// Has `answer` called with what a Prometheus would scrape, unless nobody serves any more: on the thread that
    /// drives the servers, which must not wait there.
    pub fn expose(&self, answer: impl FnOnce(ExposedRun) + Send + 'static) {
        let _ = self.entrance().commands.send(Command::Expose(Box::new(answer)));
    }

    /// The text that a Prometheus scrapes, with how late tokens go out.
    pub fn metrics_text(&self, run: &ExposedRun) -> String {
        let mut text = Vec::new();
        write_metrics_text(&mut text, run).expect("memory takes what is written");
        let mut text = String::from_utf8(text).expect("metrics are text");
        self.lateness.write(&mut text);
        text
    }

    fn entrance(&self) -> MutexGuard<'_, Entrance> {
        self.entrance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes everything on, and remembers the answer, which the client's next prompt may repeat.
struct Remembering {
    client: Box<dyn LiveClient>,
    entrance: Arc<Mutex<Entrance>>,
    id: RequestId,
    prompt: Prompt,
    tokens: Vec<u64>,
}

impl Drop for Remembering {
    fn drop(&mut self) {
        let mut entrance = self.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        entrance.tokens_inside -= self.tokens.len();
    }
}

impl LiveClient for Remembering {
    fn hear(&mut self, heard: LiveNews) {
        self.client.hear(heard);
        let Some(LiveEnd::Answered(answered)) = heard.end else {
            return;
        };
        let answer = tokens(&answer_text(self.id.0, 0, answered.output_tokens));
        let name = Request::new(self.id, Time::ZERO, Prompt::unique(1), 1, 1).output_name;
        let mut entrance = self.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        entrance.names.answered(&self.prompt, &self.tokens, &answer, name);
    }
}
