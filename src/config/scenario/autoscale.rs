//! `[fleet.autoscale]`: who starts and stops servers, and by which rule.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::{Autoscale, ScaleSignal};
use crate::settings::{Kind, Setting, Word};
use crate::units::Span;

/// The table `fleet.autoscale`.
pub(super) const AUTOSCALE: Setting = Setting::new(
    "autoscale",
    Kind::Table(&[
        &SIGNAL,
        &TARGET,
        &MIN,
        &MAX,
        &INTERVAL,
        &UP_DELAY,
        &DOWN_DELAY,
        &START,
        &WARM,
        &WARM_START,
    ]),
    "Servers are started and stopped by the load, as Kubernetes' HorizontalPodAutoscaler does; at the start there are \
     `fleet.servers` of them",
)
.depends("all servers are there all the time");
const SIGNAL: Setting = Setting::new(
    "signal",
    Kind::Choice(SIGNALS),
    "What is looked at, as the mean of a server",
)
.default("\"concurrency\"", "what clients feel first");
const SIGNALS: &[Word] = &[
    Word {
        name: "concurrency",
        help: "Requests that wait or run",
    },
    Word {
        name: "queue",
        help: "Requests that wait",
    },
    Word {
        name: "kv",
        help: "The part of the KV cache that is in use, 0.7 for 70 %",
    },
    Word {
        name: "tokens_per_s",
        help: "Output tokens a second, produced since the last look",
    },
    Word {
        name: "ttft",
        help: "The mean time to first token of those that came since the last look, in seconds; nothing is changed \
               if none came",
    },
];
const TARGET: Setting = Setting::new(
    "target",
    Kind::Positive { max: 1e9 },
    "How much of it a server should have: there should be as many servers as the sum holds that, rounded up, unless \
     the mean is within 10 % of it; a time to first token is no sum, and asks for as many times the servers as it is \
     longer than that",
)
.required("write target = 50, how many requests a server should have, or target = 0.7 with signal = \"kv\"");
const MIN: Setting = Setting::new(
    "min",
    Kind::Count { min: 0, max: MOST },
    "The fewest servers; 0 to stop all of them",
)
.unit("servers")
.default("1", "as a HorizontalPodAutoscaler has it");
const MAX: Setting = Setting::new("max", Kind::Count { min: 1, max: MOST }, "The most servers")
    .unit("servers")
    .required("write max = 8, the most servers that there may be");
const INTERVAL: Setting = Setting::new("interval", Kind::Duration, "How often it is looked at")
    .default("\"15s\"", "Kubernetes' --horizontal-pod-autoscaler-sync-period");
const UP_DELAY: Setting = Setting::new(
    "up_delay",
    Kind::Duration,
    "Servers are started only if that was wanted for so long",
)
.default(
    "\"0s\"",
    "Kubernetes' default behavior.scaleUp.stabilizationWindowSeconds",
);
const DOWN_DELAY: Setting = Setting::new(
    "down_delay",
    Kind::Duration,
    "Servers are stopped only if that was wanted for so long",
)
.default(
    "\"300s\"",
    "Kubernetes' default behavior.scaleDown.stabilizationWindowSeconds",
);
const START: Setting = Setting::new(
    "start",
    Kind::Duration,
    "How long it takes until a server that is started takes requests: to get a machine, start the engine and load the \
     model",
)
.required("write start = \"120s\": to get a machine, start the engine and load the model takes about that");

const WARM: Setting = Setting::new(
    "warm",
    Kind::Count { min: 0, max: MOST },
    "How many servers beside those that serve are kept loaded and stand by, from the start of the run; they are paid \
     for, and when one is started another is loaded in its place",
)
.unit("servers")
.default("0", "nobody pays for servers that do nothing unless told to");
const WARM_START: Setting = Setting::new(
    "warm_start",
    Kind::Duration,
    "How long it takes until a server that stands by takes requests",
)
.default("\"1s\"", "a load balancer has to notice it, and all else is done");

/// As many as a fleet may have.
const MOST: u32 = 10_000;
/// Whoever looks less often does not scale.
const LONGEST_S: f64 = 86_400.0;

/// Reads the table, if it is written; `servers` is how many there should be at the start.
pub fn read(fleet: &Fields<'_>, servers: Option<u32>) -> Result<Option<Autoscale>, Diagnostic> {
    let Some(fields) = fleet.table(&AUTOSCALE)? else {
        return Ok(None);
    };
    let signals = [
        ScaleSignal::Concurrency,
        ScaleSignal::Queue,
        ScaleSignal::Kv,
        ScaleSignal::TokensPerSecond,
        ScaleSignal::Ttft,
    ];
    let signal = fields.find(&SIGNAL)?.declared_choice(signals)?;
    let signal = signal.or_default(signals);
    let target = fields.find(&TARGET)?.declared_number()?.needed()?;
    let min = fields.find(&MIN)?.declared_count()?.or_default();
    let max = fields.find(&MAX)?.declared_count()?.needed()?;
    // Without servers that stand by nothing is said of them.
    let warm = fields.find(&WARM)?.declared_count()?.optional().unwrap_or(0);
    let warm_start = if warm > 0 {
        span(&fields, &WARM_START)?
    } else {
        fields.find(&WARM_START)?.duration()?.unnoted().unwrap_or(Span::ZERO)
    };
    let rules = Autoscale {
        signal,
        target,
        initial: servers.unwrap_or_else(|| min.max(1)),
        min,
        max,
        interval: span(&fields, &INTERVAL)?,
        up_delay: span(&fields, &UP_DELAY)?,
        down_delay: span(&fields, &DOWN_DELAY)?,
        start: fields.find(&START)?.duration()?.needed()?,
        warm,
        warm_start,
    };
    fields.finish()?;
    refuse_bounds(fleet, &fields, &rules)?;
    Ok(Some(rules))
}

fn span(fields: &Fields<'_>, setting: &'static Setting) -> Result<Span, Diagnostic> {
    let span = fields.find(setting)?.duration()?.or_default();
    if span.seconds() > LONGEST_S {
        let message = format!("`fleet.autoscale.{}` is longer than a day", setting.name);
        return Err(fields.error(setting.name, message).help("write \"15s\" or \"5min\""));
    }
    Ok(span)
}

fn refuse_bounds(fleet: &Fields<'_>, fields: &Fields<'_>, rules: &Autoscale) -> Result<(), Diagnostic> {
    let Autoscale { min, max, initial, .. } = rules;
    if min > max {
        let message = format!("`fleet.autoscale.min` is {min}, more than max = {max}");
        return Err(fields
            .error(MIN.name, message)
            .help("write the fewest servers as min, and the most as max"));
    }
    if rules.slots() > MOST {
        let message = format!(
            "`fleet.autoscale.warm` is {} beside max = {max}, and {MOST} servers are the most",
            rules.warm
        );
        return Err(fields.error(WARM.name, message).help("write fewer of one of the two"));
    }
    if initial < min || initial > max {
        let message = format!("`fleet.servers` is {initial}, and `fleet.autoscale` has {min} to {max}");
        let help = "fleet.servers is how many there are at the start; write one of these, or leave it out";
        return Err(fleet.error("servers", message).help(help));
    }
    if rules.interval.seconds() < 0.1 {
        let message = "`fleet.autoscale.interval` must be at least 100 ms";
        return Err(fields.error(INTERVAL.name, message).help("write interval = \"15s\""));
    }
    let of_servers = match rules.signal {
        ScaleSignal::Concurrency | ScaleSignal::Queue => None,
        ScaleSignal::Kv => Some("no cache is in use"),
        ScaleSignal::TokensPerSecond | ScaleSignal::Ttft => Some("no tokens come"),
    };
    if let Some(nothing) = of_servers.filter(|_| *min == 0) {
        let message =
            format!("`fleet.autoscale.min` is 0, and {nothing} where there is no server: none would be started");
        let help = "write min = 1, or signal = \"concurrency\"";
        return Err(fields.error(MIN.name, message).help(help));
    }
    if rules.signal == ScaleSignal::Kv && rules.target > 1.0 {
        let message = format!("`fleet.autoscale.target` is {}, more than a whole cache", rules.target);
        return Err(fields
            .error(TARGET.name, message)
            .help("write target = 0.7 for 70 % of the KV cache"));
    }
    Ok(())
}
