//! The tables `[model]`, `[server]` and `[batching]`, which say what a server is: of the scenario, or of a pool.

use super::batching::{self, Batching};
use super::deployment::{self, Deployment};
use super::model::{self, ModelChoice};
use super::no_scenario::NoScenario;
use super::pool::WrittenPool;
use super::profile::{self, Named};
use super::sampling;
use super::server::{self, ServerTable};
use super::speculative::DraftTarget;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::config::reader::text::Place;
use crate::hardware::{DoesNotFit, Model};
use crate::policy::{Host, PolicySettings};
use crate::step_time::Sampling;

/// What a server is, as far as it can be told from its own tables.
pub(super) struct PoolTables<'a> {
    /// What `[model]` says.
    pub(super) model: ModelChoice,
    /// What `[server]` says.
    pub(super) server: ServerTable,
    /// What `[batching]` says.
    pub(super) batching: Batching,
    profile: Named,
    pub(super) batching_fields: Fields<'a>,
    server_place: Place,
    /// The name in messages of the pool; `None` of the scenario's own tables.
    pool: Option<String>,
}

impl<'a> PoolTables<'a> {
    /// Reads the scenario's own tables.
    pub(super) fn of_scenario(fields: &Fields<'a>) -> Result<Self, Diagnostic> {
        Self::read(|name| fields.section(name), None)
    }

    /// Reads what holds for a pool.
    pub(super) fn of_pool(reading: &'a Reading, pool: &'a WrittenPool) -> Result<Self, Diagnostic> {
        let read = Self::read(|name| pool.table(reading, name), Some(pool.path.clone()));
        read.map_err(|problem| about(&pool.path, problem))
    }

    fn read(
        table: impl Fn(&'static str) -> Result<Fields<'a>, Diagnostic>,
        pool: Option<String>,
    ) -> Result<Self, Diagnostic> {
        let model = model::read(&table("model")?)?;
        let batching_fields = table("batching")?;
        let profile = profile::read(&batching_fields)?;
        let server_fields = table("server")?;
        let server = server::read_server(&server_fields, &model.model, &profile)?;
        let batching = batching::read(
            &batching_fields,
            &host(&server, &model.model, profile),
            target(&server, &model),
        )?;
        Ok(Self {
            model,
            batching,
            profile,
            batching_fields,
            server_place: server_fields.place(),
            server,
            pool,
        })
    }

    /// How requests of this workload want their tokens chosen here.
    pub(super) fn sampling(&self, workload: &Fields<'_>) -> Result<Sampling, Diagnostic> {
        let through = deployment::asked_through(&self.server);
        sampling::read(workload, self.pool.as_deref(), self.model.defaults_to_top_p, through)
    }

    /// Whether its scheduler heeds priorities.
    pub(super) fn heeds_priorities(&self) -> bool {
        match &self.batching.policy {
            PolicySettings::Continuous(settings) => settings.priority,
            PolicySettings::Sglang(settings) => settings.priorities.is_some(),
            _ => false,
        }
    }

    /// Puts together what the tables say.
    pub(super) fn resolve(self, reading: &Reading, sampling: Sampling) -> Result<Deployment, NoScenario> {
        deployment::refuse_endless_steps(&self.server, &self.batching).map_err(|message| {
            reading
                .error(self.server_place, message)
                .help("write smaller numbers; they are microseconds")
        })?;
        let pool = self.pool;
        let resolved = deployment::resolve(
            reading,
            &self.batching_fields,
            (self.model, self.server, self.batching),
            (sampling, self.profile),
        );
        resolved.map_err(|problem| match (pool, problem) {
            (None, problem) => problem,
            (Some(pool), NoScenario::Invalid(problem)) => about(&pool, *problem).into(),
            (Some(pool), NoScenario::DoesNotFit(mut shortage)) => {
                if let DoesNotFit::Memory(shortage) = &mut *shortage {
                    shortage.is_of_pool = true;
                    shortage.asked = format!("{pool}: {}", shortage.asked);
                }
                NoScenario::DoesNotFit(shortage)
            }
        })
    }
}

/// The problem, which is of a pool unless it says so itself.
fn about(pool: &str, problem: Diagnostic) -> Diagnostic {
    if problem.message.contains(pool) {
        problem
    } else {
        problem.about(pool)
    }
}

/// What defaults of batching depend on.
fn host<'a>(server: &'a ServerTable, model: &Model, profile: Named) -> Host<'a> {
    Host {
        has_states: model.state_bytes_per_request(1) > 0,
        is_used: false,
        gpu: server.gpu.name(),
        gpu_memory_bytes: server.gpu.memory_bytes(),
        is_a100: server.gpu.has_small_batches(),
        max_model_len: server.max_model_len,
        block_tokens: server.block_tokens,
        profile,
        drafts: None,
        offloads: server.kv_offload.is_some(),
    }
}

/// What drafts depend on.
fn target<'a>(server: &ServerTable, model: &'a ModelChoice) -> DraftTarget<'a> {
    DraftTarget {
        model,
        tensor_parallel: server.tensor_parallel,
        is_measured: !server.step_time.choice().kind().is_modelled,
    }
}
