//! `fleet.load_bandwidth`: how long it takes to load the weights of a server that starts.

use super::deployment::Deployment;
use super::operation::Fleet;
use crate::config::reader::bandwidth::Bandwidth;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::engine::ServerId;
use crate::fleet::{Fault, FaultKind};
use crate::settings::{Kind, Setting};
use crate::units::Span;

/// The key `fleet.load_bandwidth`.
pub(super) const LOAD_BANDWIDTH: Setting = Setting::new(
    "load_bandwidth",
    Kind::Bandwidth,
    "How fast weights come from a disk or over a network to a server that starts, all GPUs of it together: \
     `fleet.autoscale.start` and `restart` of faults, which are then without it, get longer by the weights of all its \
     GPUs over that",
)
.depends("`start` and `restart` include the loading of weights");

/// Makes whatever starts a server take the time to load its weights too. Where servers are alike they are so.
pub(super) fn add_loading(fields: &Fields<'_>, fleet: &mut Fleet, alike: &Deployment) -> Result<(), Diagnostic> {
    let Some(bandwidth) = fleet.load_bandwidth else {
        return Ok(());
    };
    let starts = |fault: &Fault| restart_of(&mut fault.kind.clone()).is_some();
    if fleet.autoscale.is_none() && !fleet.hardships.faults.iter().any(starts) {
        let told = "fleet.load_bandwidth changes nothing, as no server is started; write [fleet.autoscale], or \
                    [[fleet.fault]] with a restart";
        fields.reading().warn(told.to_owned());
    }
    let mut of_server = Vec::new();
    for (number, pool) in fleet.pools.iter().enumerate() {
        let loading = loading(fields, &format!("fleet.pool[{number}]"), &pool.deployment, bandwidth)?;
        of_server.extend(std::iter::repeat_n(loading, pool.servers as usize));
    }
    let faults = std::mem::take(&mut fleet.hardships.faults);
    if of_server.is_empty() {
        let loading = loading(fields, "fleet", alike, bandwidth)?;
        if let Some(rules) = &mut fleet.autoscale {
            rules.start = longer(rules.start, loading);
        }
        let faults = faults.into_iter().map(|fault| with_loading(fault, loading));
        fleet.hardships.faults = faults.collect();
        return Ok(());
    }
    // What strikes all is over at another time on each.
    for fault in faults {
        let of_it = (0..).map(ServerId).zip(&of_server);
        let struck = of_it.filter(|(server, _)| fault.server.is_none_or(|only| only == *server));
        let each = struck.map(|(server, &loading)| {
            let server = Some(server);
            with_loading(Fault { server, ..fault }, loading)
        });
        fleet.hardships.faults.extend(each);
    }
    Ok(())
}

/// How long the weights of such a server take, which is noted as its `load_time`.
fn loading(fields: &Fields<'_>, path: &str, server: &Deployment, bandwidth: Bandwidth) -> Result<Span, Diagnostic> {
    let bytes = weights_of(server);
    let Some(loading) = Span::from_seconds(bytes / bandwidth.bytes_per_s) else {
        let message = format!("{} GB of weights take longer than 200 days at {bandwidth}", bytes / 1e9);
        return Err(fields
            .error(LOAD_BANDWIDTH.name, message)
            .help("write load_bandwidth = \"2 GB/s\""));
    };
    fields.reading().note(Resolved {
        key: format!("{path}.load_time"),
        value: loading.to_string(),
        content: None,
        origin: format!("{:.2} GB of weights at {bandwidth}", bytes / 1e9),
        is_default: true,
    });
    Ok(loading)
}

/// The weights of all GPUs of a server, those of a drafter included [bytes].
fn weights_of(server: &Deployment) -> f64 {
    let of_gpu = server.memory.weights_bytes + server.memory.draft_weights_bytes;
    (of_gpu * u64::from(server.tensor_parallel)) as f64
}

fn with_loading(mut fault: Fault, loading: Span) -> Fault {
    if let Some(restart) = restart_of(&mut fault.kind) {
        *restart = longer(*restart, loading);
    }
    fault
}

/// How long it takes after a fault until there is a server again, if there ever is.
const fn restart_of(kind: &mut FaultKind) -> Option<&mut Span> {
    match kind {
        FaultKind::Crash { restart } | FaultKind::Reclaim { restart, .. } => restart.as_mut(),
        FaultKind::Slow { .. } | FaultKind::OutOfMemory { .. } | FaultKind::Partition { .. } => None,
    }
}

/// The two together; beyond the end of any run is never.
const fn longer(one: Span, other: Span) -> Span {
    Span::from_picos(one.picos().saturating_add(other.picos()))
}
