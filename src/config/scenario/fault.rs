//! `[[fleet.fault]]`: what fails, and when.

use super::pool::WrittenPool;
use crate::config::files::table_rows::read_rows;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::engine::ServerId;
use crate::fleet::{Fault, FaultKind, FaultTime};
use crate::settings::{Kind, Setting, Variant, Word};
use crate::units::{Span, Time};

/// The key `fleet.fault`: a list of tables.
pub(super) const FAULT: Setting = Setting::new(
    "fault",
    Kind::Either(&[
        Kind::List(&Kind::Tagged {
            tag: &KIND,
            variants: VARIANTS,
            common: COMMON,
        }),
        Kind::Path,
    ]),
    "What fails: a table [[fleet.fault]] for each, which happens once (`at`) or again and again (`mtbf`), or a CSV \
     file with a row for each, whose columns are these keys; times there are in seconds, or have a unit. When the \
     last request has ended nothing fails any more",
)
.or(&["faults"])
.depends("nothing fails");
const COMMON: &[&Setting] = &[&AT, &MTBF, &SERVER, &OF_POOL, &DETECT];
const KIND: Setting = Setting::new("kind", Kind::Text, "What becomes of the server")
    .required("write kind = \"crash\", \"reclaim\", \"slow\", \"out_of_memory\" or \"partition\"");
const VARIANTS: &[Variant] = &[
    Variant {
        name: "crash",
        help: "It fails: requests in it are lost, and so is its cache; it comes back after `restart`. Until the router \
               knows, it sends requests there, which are lost too",
        settings: &[&RESTART],
    },
    Variant {
        name: "reclaim",
        help: "It is taken away, as spot machines are: it takes nothing more for `notice`, then loses what is still in \
               it, and another one takes its place after `restart`",
        settings: &[&NOTICE, &RESTART],
    },
    Variant {
        name: "slow",
        help: "Its steps take `factor` times as long for `duration`",
        settings: &[&FACTOR, &DURATION],
    },
    Variant {
        name: "out_of_memory",
        help: "A GPU of it runs out of memory: requests that run in it are lost, those that wait in it stay, and for \
               `duration` it is run with a smaller batch behind a circuit breaker: the router sends nothing more there \
               while `factor` of the most requests that it may run at once are outstanding",
        settings: &[&BREAKER_FACTOR, &DURATION],
    },
    Variant {
        name: "partition",
        help: "Nobody reaches it for `duration`: requests in it are lost to their clients, while it goes on with them, \
               and it keeps its cache",
        settings: &[&DURATION],
    },
];
const AT: Setting = Setting::new("at", Kind::Duration, "When it happens, from the start of the run")
    .depends("it happens again and again, as `mtbf` says; one of the two has to be written");
const MTBF: Setting = Setting::new(
    "mtbf",
    Kind::Duration,
    "The mean time from when all is well again to the next time it happens, which is drawn from an exponential \
     distribution",
)
.depends("it happens once, as `at` says");
const SERVER: Setting = Setting::new(
    "server",
    Kind::Count { min: 0, max: u32::MAX },
    "The number of the server, from 0, through all pools in their order",
)
.depends("all servers: with `at` together, with `mtbf` each by itself");
const OF_POOL: Setting = Setting::new(
    "pool",
    Kind::Text,
    "The name of the pool of which all servers are struck: with `at` together, with `mtbf` each by itself",
)
.depends("the servers that `server` says");
const DETECT: Setting = Setting::new(
    "detect",
    Kind::Duration,
    "How long it takes until the router knows that a server cannot be reached",
)
.default("\"30s\"", "Kubernetes asks every 10 s, and believes the third failure");
const RESTART: Setting = Setting::new(
    "restart",
    Kind::Either(&[Kind::Duration, Kind::Choice(NEVER)]),
    "How long it takes until there is a server again, its model loaded and its cache empty",
)
.required("write restart = \"90s\", the time to start a server and to load its model, or restart = \"never\"");
const NEVER: &[Word] = &[Word {
    name: "never",
    help: "There is one server less from then on",
}];
const NOTICE: Setting = Setting::new(
    "notice",
    Kind::Duration,
    "How long before it is taken away that is known",
)
.default("\"120s\"", "the notice of spot instances on AWS; Google gives 30 s");
const FACTOR: Setting = Setting::new(
    "factor",
    Kind::Number { min: 1.0, max: 1000.0 },
    "How many times as long a step takes",
)
.required("write factor = 3.0, how many times as long its steps take");
const BREAKER_FACTOR: Setting = Setting::new(
    "factor",
    Kind::Number { min: 0.0, max: 1.0 },
    "What part of the most requests that it may run at once the circuit breaker lets in, rounded down, and one at \
     least; 0 for none",
)
.default("0.5", "half the batch takes half the memory that grows with it");
const DURATION: Setting =
    Setting::new("duration", Kind::Duration, "How long it lasts").required("write duration = \"60s\"");

#[derive(Clone, Copy)]
enum Form {
    Crash,
    Reclaim,
    Slow,
    OutOfMemory,
    Partition,
}

/// Reads what fails of so many servers, in these pools if there are any.
pub(super) fn read(fleet: &Fields<'_>, servers: u32, pools: &[WrittenPool]) -> Result<Vec<Fault>, Diagnostic> {
    let key = fleet.find(&FAULT)?;
    if let Some(Value::Text(_)) = key.node.map(|node| &node.value) {
        let of_kinds = VARIANTS.iter().flat_map(|variant| variant.settings);
        let columns: Vec<&Setting> = [&KIND]
            .into_iter()
            .chain(COMMON.iter().copied())
            .chain(of_kinds.copied())
            .collect();
        let rows = read_rows(key, &columns, &KIND, |fields| read_one(fields, servers, pools))?;
        return Ok(rows.into_iter().flatten().collect());
    }
    let Some(faults) = key.list()? else {
        return Ok(Vec::new());
    };
    let tables = faults.into_iter().filter_map(|fault| fault.table().transpose());
    let mut all = Vec::new();
    for fields in tables {
        all.extend(read_one(&fields?, servers, pools)?);
    }
    Ok(all)
}

/// A fault of each server that it strikes by its number, or of all.
fn read_one(fields: &Fields<'_>, servers: u32, pools: &[WrittenPool]) -> Result<Vec<Fault>, Diagnostic> {
    let forms = [
        Form::Crash,
        Form::Reclaim,
        Form::Slow,
        Form::OutOfMemory,
        Form::Partition,
    ];
    let form = fields.find(&KIND)?.variant(VARIANTS, forms)?;
    let kind = match form {
        Form::Crash => FaultKind::Crash {
            restart: restart(fields)?,
        },
        Form::Reclaim => FaultKind::Reclaim {
            notice: fields.find(&NOTICE)?.duration()?.or_default(),
            restart: restart(fields)?,
        },
        Form::Slow => FaultKind::Slow {
            factor: fields.find(&FACTOR)?.declared_number()?.needed()?,
            duration: fields.find(&DURATION)?.duration()?.needed()?,
        },
        Form::OutOfMemory => FaultKind::OutOfMemory {
            factor: fields.find(&BREAKER_FACTOR)?.declared_number()?.or_default(),
            duration: fields.find(&DURATION)?.duration()?.needed()?,
        },
        Form::Partition => FaultKind::Partition {
            duration: fields.find(&DURATION)?.duration()?.needed()?,
        },
    };
    let when = when(fields)?;
    let struck = struck(fields, servers, pools)?;
    let detect = fields.find(&DETECT)?.duration()?;
    let told_at_once = match kind {
        FaultKind::Slow { .. } => Some("is slow"),
        FaultKind::OutOfMemory { .. } => Some("is out of memory, which says so itself"),
        _ => None,
    };
    let detect = match told_at_once {
        Some(what) => {
            if detect.value().is_some() {
                let message = format!("`{}.detect` says nothing of a server that {what}", fields.path());
                return Err(fields.error(DETECT.name, message).help("leave the key out"));
            }
            Span::ZERO
        }
        None => detect.or_default(),
    };
    fields.finish()?;
    let of = |server| Fault {
        kind,
        when,
        server,
        detect,
    };
    Ok(struck.into_iter().map(of).collect())
}

fn when(fields: &Fields<'_>) -> Result<FaultTime, Diagnostic> {
    let at = fields.find(&AT)?.duration()?;
    let mtbf = fields.find(&MTBF)?.duration()?;
    if mtbf.value().is_some_and(|mtbf| mtbf.seconds() < 1.0) {
        let message = format!("`{}.mtbf` must be at least a second", fields.path());
        return Err(fields.error(MTBF.name, message).help("write mtbf = \"30d\""));
    }
    match (at.optional(), mtbf.optional()) {
        (Some(at), None) => Ok(FaultTime::At(Time::ZERO + at)),
        (None, Some(mtbf)) => Ok(FaultTime::Mtbf(mtbf)),
        (Some(_), Some(_)) => {
            let message = format!("`{0}.at` and `{0}.mtbf` exclude each other", fields.path());
            Err(fields.error(AT.name, message).help("keep one of the two"))
        }
        (None, None) => {
            let message = format!("`{}` does not say when it happens", fields.path());
            let help = "write at = \"60s\" for once, or mtbf = \"30d\" for again and again";
            Err(fields.error("", message).help(help))
        }
    }
}

/// The servers that are struck, each by itself; `None` stands for all of them.
fn struck(fields: &Fields<'_>, servers: u32, pools: &[WrittenPool]) -> Result<Vec<Option<ServerId>>, Diagnostic> {
    let server = server(fields, servers)?;
    let Some(name) = fields.find(&OF_POOL)?.text()?.optional() else {
        return Ok(vec![server]);
    };
    if server.is_some() {
        let message = format!("`{0}.server` and `{0}.pool` exclude each other", fields.path());
        return Err(fields.error(OF_POOL.name, message).help("keep one of the two"));
    }
    let mut first = 0;
    for pool in pools {
        if pool.name == name {
            let numbers = first..first + pool.servers;
            return Ok(numbers.map(|number| Some(ServerId(number))).collect());
        }
        first += pool.servers;
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let message = format!(
        "`{}.pool` is {name:?}, and there is no pool of that name",
        fields.path()
    );
    Err(fields.error(OF_POOL.name, message).help(match &names[..] {
        [] => "leave it out: without [[fleet.pool]] all servers are alike".to_owned(),
        names => format!("allowed: {}", names.join(", ")),
    }))
}

fn server(fields: &Fields<'_>, servers: u32) -> Result<Option<ServerId>, Diagnostic> {
    let server = fields.find(&SERVER)?.declared_count()?;
    match server.value() {
        Some(number) if number >= servers => {
            let all = if servers == 1 {
                "is only server 0".to_owned()
            } else {
                format!("are servers 0 to {}", servers - 1)
            };
            let message = format!("`{}.server` is {number}, and there {all}", fields.path());
            Err(fields
                .error(SERVER.name, message)
                .help("write the number of a server, or add servers to the fleet"))
        }
        _ => Ok(server.optional().map(ServerId)),
    }
}

/// How long until there is a server again; `None` for never.
fn restart(fields: &Fields<'_>) -> Result<Option<Span>, Diagnostic> {
    let key = fields.find(&RESTART)?;
    if let Some(Value::Text(text)) = key.node.map(|node| &node.value)
        && text == NEVER[0].name
    {
        key.choice(&[(NEVER[0].name, ())])?.optional();
        return Ok(None);
    }
    Ok(Some(key.duration()?.needed()?))
}
