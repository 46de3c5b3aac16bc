//! `workload.arrivals`: when requests come.

use super::rate::RATE;
use super::stages::{self, PEAK, PEAK_AT, PERIOD, PERIODS, STAGES};
use super::think::{self, THINK};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Choice;
use crate::settings::{Kind, Setting, Variant, Word};
use crate::workload::{Arrivals, ClosedStart};

/// Clients that each keep their own clock in memory.
const MOST_CLIENTS: u32 = 1 << 24;

/// The key `workload.arrivals`: when requests are sent.
pub(super) const ARRIVALS: Setting = Setting::new(
    "arrivals",
    Kind::Tagged {
        tag: &PROCESS,
        variants: VARIANTS,
        common: &[],
    },
    "When requests are sent",
)
.required("write arrivals = { process = \"poisson\", rate = 8.0 }");

const PROCESS: Setting = Setting::new("process", Kind::Text, "The kind of process that sends requests")
    .required("write process = \"poisson\" and rate = 8.0, in requests per second");

const VARIANTS: &[Variant] = &[
    Variant {
        name: "poisson",
        help: "Independent requests at a mean rate",
        settings: &[&RATE, &SPAN],
    },
    Variant {
        name: "gamma",
        help: "Gaps with a Gamma distribution: burstier than Poisson if cv is above 1, more even if below",
        settings: &[&RATE, &CV, &SPAN],
    },
    Variant {
        name: "weibull",
        help: "Gaps with a Weibull distribution: burstier than Poisson if shape is below 1, more even if above",
        settings: &[&RATE, &SHAPE, &SPAN],
    },
    Variant {
        name: "constant",
        help: "Equal gaps",
        settings: &[&RATE, &SPAN],
    },
    Variant {
        name: "at_once",
        help: "All requests at time 0",
        settings: &[],
    },
    Variant {
        name: "stages",
        help: "Poisson arrivals whose rate changes in stages",
        settings: &[&STAGES],
    },
    Variant {
        name: "diurnal",
        help: "Poisson arrivals whose rate goes up and down once a day, as a cosine in stages of ten minutes",
        settings: &[&RATE, &PEAK, &PEAK_AT, &PERIOD, &PERIODS],
    },
    Variant {
        name: "closed",
        help: "So many clients, each of whom sends its next request when the last one has ended",
        settings: &[&CONCURRENCY, &THINK, &START],
    },
];

const SPAN: Setting = Setting::new(
    "span",
    Kind::Choice(&[
        Word {
            name: "random",
            help: "Chance decides when the last request comes",
        },
        Word {
            name: "exact",
            help: "All times are multiplied so that the last of N requests comes at exactly N / rate, as those of \
                   vllm bench serve do",
        },
    ]),
    "How long all arrivals take together",
)
.default("\"random\"", "independent gaps");
const CV: Setting = Setting::new(
    "cv",
    Kind::Number {
        min: 0.001,
        max: 1000.0,
    },
    "The standard deviation of the gaps between arrivals, divided by their mean; 1 is Poisson",
)
.required("write cv = 2.0, the gaps' standard deviation divided by their mean");
const SHAPE: Setting = Setting::new(
    "shape",
    Kind::Number { min: 0.05, max: 1000.0 },
    "The shape of the gaps' distribution; 1 is Poisson",
)
.required("write shape = 0.7; below 1 is burstier than Poisson");
const CONCURRENCY: Setting = Setting::new(
    "concurrency",
    Kind::Count {
        min: 1,
        max: MOST_CLIENTS,
    },
    "How many clients",
)
.unit("clients")
.required("write concurrency = 32, the number of clients");
const START: Setting = Setting::new(
    "start",
    Kind::Choice(&[
        Word {
            name: "spread",
            help: "Each after what is left of a pause that had begun before, as if the clients had been at it for long",
        },
        Word {
            name: "together",
            help: "All at time 0, and so in step with each other for a while, or for ever if pauses are equal",
        },
    ]),
    "When clients send their first requests; without pauses all do at time 0",
)
.default("\"spread\"", "as people come, who do not start at one instant");
const SPREAD: Choice<ClosedStart> = Choice {
    name: "spread",
    value: ClosedStart::Spread,
};

#[derive(Clone, Copy)]
enum Process {
    Poisson,
    Gamma,
    Weibull,
    Constant,
    AtOnce,
    Stages,
    Diurnal,
    Closed,
}

/// Reads `arrivals = { process = ..., ... }`, and whether they span an exact time.
pub fn read(fields: &Fields<'_>) -> Result<(Arrivals, bool), Diagnostic> {
    let process = fields.find(&PROCESS)?.variant(
        VARIANTS,
        [
            Process::Poisson,
            Process::Gamma,
            Process::Weibull,
            Process::Constant,
            Process::AtOnce,
            Process::Stages,
            Process::Diurnal,
            Process::Closed,
        ],
    )?;
    let number = |setting| fields.find(setting)?.declared_number()?.needed();
    let arrivals = match process {
        Process::Poisson => Arrivals::Poisson {
            rate_per_s: number(&RATE)?,
        },
        Process::Gamma => Arrivals::Gamma {
            rate_per_s: number(&RATE)?,
            cv: number(&CV)?,
        },
        Process::Weibull => Arrivals::Weibull {
            rate_per_s: number(&RATE)?,
            shape: number(&SHAPE)?,
        },
        Process::Constant => Arrivals::Constant {
            rate_per_s: number(&RATE)?,
        },
        Process::AtOnce => Arrivals::AtOnce,
        Process::Stages => Arrivals::Stages(stages::read(fields)?),
        Process::Diurnal => Arrivals::Stages(stages::read_diurnal(fields)?),
        Process::Closed => read_closed(fields)?,
    };
    let is_exact = arrivals.is_renewal() && read_span(fields)?;
    fields.finish()?;
    Ok((arrivals, is_exact))
}

/// Noted only where it is written, so that names of scenarios are what they were before there was a choice.
fn read_span(fields: &Fields<'_>) -> Result<bool, Diagnostic> {
    let span = fields.find(&SPAN)?.declared_choice([false, true])?;
    Ok(span.optional().is_some_and(|span| span.value))
}

fn read_closed(fields: &Fields<'_>) -> Result<Arrivals, Diagnostic> {
    let concurrency = fields.find(&CONCURRENCY)?.declared_count()?.needed()?;
    let think = think::read(fields)?;
    let start = fields
        .find(&START)?
        .declared_choice([ClosedStart::Spread, ClosedStart::Together])?;
    let (_, why) = START.declared_default();
    // Clients who do not pause start together whatever is written.
    let start = if think.is_none() {
        ClosedStart::Spread
    } else {
        start.or(SPREAD, why).value
    };
    Ok(Arrivals::Closed {
        concurrency,
        think,
        start,
    })
}
