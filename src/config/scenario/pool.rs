//! `[[fleet.pool]]`: servers that are unlike those of other pools. What a pool says of `[model]`, `[server]` and
//! `[batching]` is laid over what the scenario says, key by key.

use super::deployment::Deployment;
use super::laid_over::{laid_over, sets};
use super::model::{self, MODEL};
use super::operation::FleetPool;
use super::server::SERVER;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::{Entry, Node, Value, same_key};
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::fleet::MOST_POOLS;
use crate::policy::vllm::PROFILE;
use crate::policy::{POLICIES, POLICY};
use crate::settings::{Kind, Setting};

/// The key `fleet.pool`: a list of tables.
pub(super) const POOL: Setting = Setting::new(
    "pool",
    Kind::List(&Kind::Table(&[
        &NAME,
        &SERVERS,
        &WEIGHT,
        &OWN_MODEL,
        &OWN_SERVER,
        &OWN_BATCHING,
    ])),
    "Servers that are unlike others: a table [[fleet.pool]] for each kind, in the place of fleet.servers. Servers are \
     numbered through the pools in their order",
)
.depends("all servers are alike");
const NAME: Setting = Setting::new(
    "name",
    Kind::Text,
    "What the pool is called in results and in [[fleet.fault]]",
)
.required("write name = \"l40s\", as results name the pool");
const SERVERS: Setting = Setting::new(
    "servers",
    Kind::Count {
        min: 1,
        max: MOST_SERVERS,
    },
    "How many servers the pool has",
)
.unit("servers")
.default("1", "a pool has a server");
const WEIGHT: Setting = Setting::new(
    "weight",
    Kind::Positive { max: 100.0 },
    "How much a server of the pool takes beside those of others, behind routers that heed weights",
)
.default("1", "routers take servers for alike unless they are told");
const OWN_MODEL: Setting = Setting::new(
    "model",
    Kind::LaidOver("model"),
    "What is otherwise with the pool's model",
)
.depends("as [model] says");
const OWN_SERVER: Setting = Setting::new(
    "server",
    Kind::LaidOver("server"),
    "What is otherwise with the pool's servers",
)
.depends("as [server] says");
const OWN_BATCHING: Setting = Setting::new(
    "batching",
    Kind::LaidOver("batching"),
    "What is otherwise with how the pool batches",
)
.depends("as [batching] says");

/// A fleet keeps some tens of kilobytes a server.
pub(super) const MOST_SERVERS: u32 = 10_000;

/// A pool as it is written, with all that holds for its servers.
pub(super) struct WrittenPool {
    /// What it is called.
    pub(super) name: String,
    /// How many servers it has.
    pub(super) servers: u32,
    /// How much each takes beside others.
    pub(super) weight: f64,
    /// Its name in messages, such as `fleet.pool[1]`.
    pub(super) path: String,
    /// Its tables, the scenario's own under them.
    tables: Vec<(&'static str, Node)>,
}

impl WrittenPool {
    /// One of the tables that hold for it.
    pub(super) fn table<'a>(&'a self, reading: &'a Reading, name: &'static str) -> Result<Fields<'a>, Diagnostic> {
        let (_, node) = self.tables.iter().find(|(other, _)| *other == name).expect("it has it");
        Fields::of(reading, format!("{}.{name}", self.path), node)
    }

    /// The pool, whose servers are so.
    pub(super) fn of(self, deployment: Deployment) -> FleetPool {
        FleetPool {
            name: self.name,
            servers: self.servers,
            weight: self.weight,
            deployment,
        }
    }
}

/// Reads the pools of the table `fleet`; none if none is written.
pub(super) fn read_list(scenario: &Fields<'_>, fleet: &Fields<'_>) -> Result<Vec<WrittenPool>, Diagnostic> {
    let Some(list) = fleet.find(&POOL)?.list()? else {
        return Ok(Vec::new());
    };
    if list.len() > MOST_POOLS as usize {
        let message = format!("`fleet.pool` has {} pools, and {MOST_POOLS} are the most", list.len());
        return Err(fleet
            .error(POOL.name, message)
            .help("write pools with more servers each"));
    }
    let common = OwnTable::all().map(|table| table.of_scenario(scenario));
    let common = common.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut pools: Vec<WrittenPool> = Vec::new();
    let mut own_tables = Vec::new();
    for key in list {
        let Some(fields) = key.table()? else {
            continue;
        };
        let (pool, own) = read_one(&fields, &common)?;
        if pools.iter().any(|other| other.name == pool.name) {
            let message = format!("`{}.name` is {:?}, the name of a pool before it", pool.path, pool.name);
            return Err(fields
                .error(NAME.name, message)
                .help("give each pool a name of its own"));
        }
        pools.push(pool);
        own_tables.push(own);
    }
    refuse_too_many(fleet, &pools)?;
    warn_of_idle_flags(scenario, &common, &own_tables);
    Ok(pools)
}

/// A table that pools have of their own, and all keys that may stand there.
struct OwnTable {
    setting: &'static Setting,
    keys: Vec<&'static Setting>,
}

impl OwnTable {
    fn all() -> [Self; 3] {
        let batching = POLICIES.iter().flat_map(|policy| policy.settings.iter().copied());
        [
            Self {
                setting: &OWN_MODEL,
                keys: keys_of(&MODEL),
            },
            Self {
                setting: &OWN_SERVER,
                keys: keys_of(&SERVER),
            },
            Self {
                setting: &OWN_BATCHING,
                keys: [&POLICY, &PROFILE].into_iter().chain(batching).collect(),
            },
        ]
    }

    fn of_scenario<'a>(self, scenario: &Fields<'a>) -> Result<CommonTable<'a>, Diagnostic> {
        let fields = scenario.section(self.setting.name)?;
        Ok(CommonTable {
            table: self,
            entries: fields.entries(),
        })
    }
}

fn keys_of(table: &'static Setting) -> Vec<&'static Setting> {
    match table.kind {
        Kind::Table(keys) => keys.to_vec(),
        kind => unreachable!("`{}` is declared as {kind:?}", table.name),
    }
}

/// What the scenario says for all pools in a table.
struct CommonTable<'a> {
    table: OwnTable,
    entries: &'a [Entry],
}

impl CommonTable<'_> {
    /// What it says that a pool with tables of its own does not say for itself.
    fn under(&self, own: &[Entry]) -> Vec<Entry> {
        // Either names the model.
        let names_model = self.table.setting.name == MODEL.name && own.iter().any(model::is_named_by);
        let base = self
            .entries
            .iter()
            .filter(|entry| !names_model || !model::is_named_by(entry));
        let base: Vec<Entry> = base.cloned().collect();
        laid_over(&base, own, &self.table.keys)
    }
}

/// Blocks and step times belong to a model on a GPU: whoever changes these for a pool is told what stays.
fn warn_of_what_stays(reading: &Reading, path: &str, tables: &[(&'static str, Node)], own: &[&[Entry]]) {
    let has = |entries: &[Entry], names: &[&str]| {
        let mut entries = entries.iter();
        entries.any(|entry| names.iter().any(|name| same_key(&entry.key, name)))
    };
    let changes = ["gpu", "tensor_parallel", "tensor_parallel_size", "name", "config"];
    if !own.iter().any(|own| has(own, &changes)) {
        return;
    }
    let server = tables.iter().zip(own).find(|((name, _), _)| *name == SERVER.name);
    let Some((
        (
            _,
            Node {
                value: Value::Table(all),
                ..
            },
        ),
        own,
    )) = server
    else {
        return;
    };
    for names in [&["kv_blocks", "num_gpu_blocks_override"][..], &["step_time"]] {
        if has(all, names) && !has(own, names) {
            let key = names[0];
            reading.warn(format!(
                "`{path}` names a model, a GPU or a number of GPUs of its own, and has server.{key} of [server] all \
                 the same; write server.{key} in the pool, or in other pools only"
            ));
        }
    }
}

/// A pool, and what it says itself in each table.
fn read_one<'a>(
    fields: &Fields<'a>,
    common: &[CommonTable<'_>],
) -> Result<(WrittenPool, Vec<&'a [Entry]>), Diagnostic> {
    let name = fields.find(&NAME)?.text()?;
    let name = name.unnoted().ok_or_else(|| fields.missing(&NAME))?;
    let servers = fields.find(&SERVERS)?.declared_count()?.or_default();
    let weight = fields.find(&WEIGHT)?.declared_number()?.or_default();
    let mut tables = Vec::new();
    let mut all_own = Vec::new();
    for common in common {
        let setting = common.table.setting;
        let own = fields.section(setting.name)?;
        let node = Node {
            place: own.place(),
            value: Value::Table(common.under(own.entries())),
        };
        tables.push((setting.name, node));
        all_own.push(own.entries());
    }
    fields.finish()?;
    warn_of_what_stays(fields.reading(), fields.path(), &tables, &all_own);
    let pool = WrittenPool {
        name,
        servers,
        weight,
        path: fields.path().to_owned(),
        tables,
    };
    Ok((pool, all_own))
}

fn refuse_too_many(fleet: &Fields<'_>, pools: &[WrittenPool]) -> Result<(), Diagnostic> {
    let servers: u32 = pools.iter().map(|pool| pool.servers).sum();
    if servers <= MOST_SERVERS {
        return Ok(());
    }
    let message = format!("`fleet.pool` has {servers} servers, and {MOST_SERVERS} are the most");
    Err(fleet.error(POOL.name, message).help("write fewer servers"))
}

/// Whoever sets a key by a flag expects that it does something.
fn warn_of_idle_flags(scenario: &Fields<'_>, common: &[CommonTable<'_>], pools: &[Vec<&[Entry]>]) {
    let texts = &scenario.reading().texts;
    for (number, common) in common.iter().enumerate() {
        for entry in common.entries {
            let is_own = |own: &Vec<&[Entry]>| sets(own[number], &entry.key, &common.table.keys);
            let by_flag = entry.node.find_place(&|place| texts.get(place.text).is_flag);
            if let Some(place) = by_flag.filter(|_| !pools.is_empty() && pools.iter().all(is_own)) {
                scenario.reading().warn(format!(
                    "`{}.{}` ({}) changes nothing, as every [[fleet.pool]] has its own",
                    common.table.setting.name,
                    entry.key,
                    texts.line_of(place)
                ));
            }
        }
    }
}
