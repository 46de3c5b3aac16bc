//! `[fleet]`: how many servers there are, and who sends requests to which.

use super::autoscale::{self, AUTOSCALE};
use super::fault::{self, FAULT};
use super::loading::LOAD_BANDWIDTH;
use super::operation::Fleet;
use super::pool::{MOST_SERVERS, POOL, WrittenPool};
use super::traffic::Traffic;
use super::workload::Workload;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::fleet::{Admission, ClassRules, Fault, FaultKind, Hardships, LooksFor, ROUTERS, RouterChoice};
use crate::settings::{Kind, Setting, Word, words};
use crate::units::Span;

/// The table `[fleet]`: many servers alike behind a router.
pub(super) const FLEET: Setting = Setting::new(
    "fleet",
    Kind::Table(&[
        &SERVERS,
        &ROUTER,
        &STATE_DELAY,
        &POOL,
        &FAULT,
        &AUTOSCALE,
        &LOAD_BANDWIDTH,
    ]),
    "Several servers, each as [model], [server] and [batching] say, behind a router",
);
/// The key `fleet.servers`.
const SERVERS: Setting = Setting::new(
    "servers",
    Kind::Count {
        min: 1,
        max: MOST_SERVERS,
    },
    "How many servers there are, if they are alike",
)
.unit("servers")
.default("1", "a server by itself needs no router");
/// The key `fleet.router`.
const ROUTER: Setting = Setting::new(
    "router",
    Kind::Choice(&ROUTER_WORDS),
    "Who decides which server a request goes to, and how",
)
.default(
    "\"least_outstanding\"",
    "what most gateways can do without help from the servers",
);
/// The key `fleet.state_delay`.
const STATE_DELAY: Setting = Setting::new(
    "state_delay",
    Kind::Duration,
    "How old the router's counts of outstanding requests are; what it asks of KV caches and prefixes is always current",
)
.default("\"0s\"", "a router knows at once what passes through it");

/// What is older says nothing of servers.
const LONGEST_DELAY_S: f64 = 3_600.0;

static ROUTER_WORDS: [Word; ROUTERS.len()] = words!(ROUTERS, name, summary);

/// What stands elsewhere of what makes life hard for a fleet.
pub struct Surroundings {
    /// What holds for each class of requests.
    pub classes: Vec<ClassRules>,
    /// What is let in.
    pub admission: Admission,
}

/// Reads the table, with its `pools` read before. Of a single server for which nothing makes life hard nothing is
/// noted, as it decides nothing.
pub(super) fn read(
    reading: &Reading,
    fields: &Fields<'_>,
    pools: &[WrittenPool],
    around: Surroundings,
) -> Result<Option<Fleet>, Diagnostic> {
    refuse_beside_pools(fields, pools)?;
    let servers = fields.find(&SERVERS)?.declared_count()?;
    let places: [usize; ROUTERS.len()] = std::array::from_fn(|place| place);
    let router = fields.find(&ROUTER)?.declared_choice(places)?;
    let state_delay = fields.find(&STATE_DELAY)?.duration()?;
    if let Some(delay) = state_delay.value().filter(|delay| delay.seconds() > LONGEST_DELAY_S) {
        let message = format!("`fleet.state_delay` is {:.0} s, longer than an hour", delay.seconds());
        let help = "write how old the router's view of the servers is, such as state_delay = \"100ms\"";
        return Err(fields.error(STATE_DELAY.name, message).help(help));
    }
    let autoscale = autoscale::read(fields, servers.value())?;
    let in_pools = (!pools.is_empty()).then(|| pools.iter().map(|pool| pool.servers).sum());
    let slots = autoscale.map_or(in_pools.or(servers.value()).unwrap_or(1), |rules| rules.slots());
    let faults = fault::read(fields, slots, pools)?;
    let load_bandwidth = fields.find(&LOAD_BANDWIDTH)?.bandwidth()?;
    fields.finish()?;
    let hardships = Hardships {
        classes: around.classes,
        admission: around.admission,
        faults,
    };
    let others = router.value().is_some() || state_delay.value().is_some() || load_bandwidth.value().is_some();
    let has_one = servers.value().is_none() && autoscale.is_none() && pools.is_empty();
    if has_one && others {
        let told = "[fleet] changes nothing without fleet.servers, as there is one server then; write servers = 4";
        reading.warn(told.to_owned());
    }
    let is_alone = servers.value().is_none_or(|servers| servers == 1) && autoscale.is_none() && pools.is_empty();
    if is_alone && hardships.are_none() {
        return Ok(None);
    }
    Ok(Some(Fleet {
        // What they are is known when all tables are read.
        pools: Vec::new(),
        servers: autoscale.map_or(in_pools.or(servers.optional()).unwrap_or(1), |rules| rules.slots()),
        router: RouterChoice::Listed(&ROUTERS[router.or_default(places)]),
        state_delay: state_delay.or_default(),
        hardships,
        load_bandwidth: load_bandwidth.optional(),
        autoscale,
    }))
}

/// What says how many servers there are, where pools say so already.
fn refuse_beside_pools(fields: &Fields<'_>, pools: &[WrittenPool]) -> Result<(), Diagnostic> {
    if pools.is_empty() {
        return Ok(());
    }
    if fields.has(SERVERS.name) {
        let message = "`fleet.servers` and `[[fleet.pool]]` exclude each other: the servers are those of the pools";
        return Err(fields
            .error(SERVERS.name, message)
            .help("remove it, and write `servers` in each [[fleet.pool]]"));
    }
    if fields.has(AUTOSCALE.name) {
        let message = "`fleet.autoscale` and `[[fleet.pool]]` exclude each other: which pool should grow, no rule says";
        return Err(fields
            .error(AUTOSCALE.name, message)
            .help("remove one of the two; write `servers` in each [[fleet.pool]], or scale servers that are alike"));
    }
    Ok(())
}

/// A router that looks for what requests have in common does nothing else where they have nothing.
pub fn warn_of_blind_router(reading: &Reading, fleet: Option<&Fleet>, prefix_caching: bool, traffic: &Traffic) {
    let Some(Fleet { router, .. }) = fleet else {
        return;
    };
    // What rows of a trace share is known only when they are read.
    let has_sessions = traffic.workloads().any(|workload| match workload {
        Workload::Synthetic(workload) => workload.session.is_some(),
        Workload::Trace(_) => true,
    });
    let has_prefixes = traffic.workloads().any(|workload| match workload {
        Workload::Synthetic(workload) => workload.prefix.is_some(),
        Workload::Trace(_) => true,
    });
    let lacks = match router.looks_for() {
        LooksFor::Sessions if !has_sessions => {
            "requests belong to no session, so each goes to a server by itself, as if at random; write \
             workload.session, or another router"
        }
        LooksFor::Prefixes if !has_sessions && !has_prefixes => {
            "no two prompts have anything in common that it could look for; write workload.prefix or workload.session, \
             or another router"
        }
        LooksFor::Prefixes if !prefix_caching => {
            "the servers keep no prefixes that it could look for; write batching.prefix_caching = true, or another \
             router"
        }
        _ => return,
    };
    reading.warn(format!("fleet.router = \"{}\", but {lacks}", router.name()));
}

/// A closed loop whose clients take no time between an attempt that comes to nothing and the next request would send
/// everything it has at one instant.
pub fn refuse_endless_loop(client: &Fields<'_>, fleet: Option<&Fleet>, traffic: &Traffic) -> Result<(), Diagnostic> {
    let Some(Fleet { hardships, .. }) = fleet else {
        return Ok(());
    };
    let may_fail = loses_any(hardships);
    let is_endless = |(rules, workload): (&ClassRules, &Workload)| {
        let fails_at_once = rules.max_queue.is_some() || may_fail;
        let pauses = rules.clients.retry.is_some_and(|retry| retry.backoff > Span::ZERO);
        fails_at_once && !pauses && workload.sends_at_once()
    };
    if !hardships.classes.iter().zip(traffic.workloads()).any(is_endless) {
        return Ok(());
    }
    let message = "a client of the closed loop that is refused or lost would send its next request at the same \
                   instant, and so on without end";
    let help = "write [client.retry] with a backoff, or a think time in workload.arrivals";
    Err(client.error("retry", message).help(help))
}

/// Whether a fault takes attempts from servers.
fn loses_any(hardships: &Hardships) -> bool {
    let loses = |fault: &Fault| !matches!(fault.kind, FaultKind::Slow { .. });
    hardships.faults.iter().any(loses)
}

/// What clients would do if something came to nothing that never does.
pub fn warn_of_idle_hardships(reading: &Reading, fleet: Option<&Fleet>, traffic: &Traffic) {
    let Some(Fleet { servers, hardships, .. }) = fleet else {
        return;
    };
    let may_fail = loses_any(hardships);
    let classes = || hardships.classes.iter().zip(traffic.workloads());
    let gives_up = |workload: &Workload| workload.timeout().is_some();
    let has_idle_retries = |(rules, workload): (&ClassRules, &Workload)| {
        rules.clients.retry.is_some() && !gives_up(workload) && rules.max_queue.is_none() && !may_fail
    };
    // What all classes have in common need not be of use to each.
    if classes().any(has_idle_retries)
        && classes().all(|class| class.0.clients.retry.is_none() || has_idle_retries(class))
    {
        let told = "[client.retry] changes nothing, as no request comes to nothing: clients wait for ever, nobody is \
                    refused and no server fails; write client.timeout, admission.max_queue or [[fleet.fault]]";
        reading.warn(told.to_owned());
    }
    if classes().any(|(rules, _)| rules.clients.hedge_after.is_some()) && *servers == 1 {
        let told = "client.hedge_after changes nothing, as there is no second server; write fleet.servers";
        reading.warn(told.to_owned());
    }
    let is_uncancelled = |(rules, _): &(&ClassRules, &Workload)| !rules.clients.cancel;
    let hangs_up =
        |(rules, workload): (&ClassRules, &Workload)| gives_up(workload) || rules.clients.hedge_after.is_some();
    if classes().any(|class| is_uncancelled(&class)) && !classes().filter(is_uncancelled).any(hangs_up) {
        let told = "client.cancel changes nothing, as nobody gives up; write client.timeout";
        reading.warn(told.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_router_is_the_first_of_the_list() {
        assert_eq!(ROUTER.declared_default().0, format!("{:?}", ROUTERS[0].name));
    }
}
