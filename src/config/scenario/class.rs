//! `[[class]]`: traffic of several kinds, each with a workload and objectives of its own.

use super::admission::{self, MAX_QUEUE};
use super::arrivals::ARRIVALS;
use super::client::{self, MAX_OUTSTANDING, TIMEOUT};
use super::operation::WarmUp;
use super::priority::LEVEL;
use super::slo::{self, SLO};
use super::traffic::{Class, Traffic};
use super::warm_up;
use super::workload::{self, DURATION, EndOfAll, KEYS_OF_REQUESTS, KEYS_OF_RUN, RATE, REQUESTS, WORKLOAD, Workload};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::ClientRules;
use crate::settings::{Kind, Setting};
use crate::units::Span;
use crate::workload::ClassId;

/// The tables `[[class]]`: kinds of traffic that share the servers.
pub(super) const CLASS: Setting = Setting::new(
    "class",
    Kind::List(&Kind::Table(&[
        &NAME,
        &PRIORITY,
        &OWN_WORKLOAD,
        &OWN_CLIENT,
        &OWN_ADMISSION,
        &SLO,
    ])),
    "Kinds of traffic that share the servers, such as chats beside a batch job, in the place of one [workload]; what \
     [workload] has beside them then is of all",
)
.depends("all traffic is of one kind, as [workload] says");
const NAME: Setting = Setting::new(
    "name",
    Kind::Text,
    "What the class is called in results: letters, digits, `-` and `_`",
)
.required("write name = \"chat\"");
const PRIORITY: Setting = Setting::new(
    "priority",
    LEVEL,
    "How urgent all of its requests are; lower numbers go first under scheduling = \"priority\"",
)
.depends("as its workload says");
const OWN_WORKLOAD: Setting = Setting::new(
    "workload",
    Kind::Table(KEYS_OF_REQUESTS),
    "Its requests, as [workload] has them; they end with those of all, or before by its own requests or duration",
)
.required("write [class.workload] with arrivals, prompt and output below the class");
const OWN_CLIENT: Setting = Setting::new(
    "client",
    Kind::Table(client::KEYS),
    "What its clients do while they wait, where they do not as [client] says; a budget of retries is one of the class",
)
.depends("as [client] says");
const OWN_ADMISSION: Setting = Setting::new(
    "admission",
    Kind::Table(&[&MAX_QUEUE]),
    "What is let in of it, where that is not as [admission] says: who may wait behind fewer is refused first",
)
.depends("as [admission] says");

/// Reads who asks for what, of one kind or of several, and what of a run is left out. Clients do `usual` things where
/// their class does not say otherwise.
pub fn read(
    root: &Fields<'_>,
    workload: &Fields<'_>,
    client: &Fields<'_>,
    usual: ClientRules,
    max_model_len: u32,
) -> Result<(Traffic, WarmUp), Diagnostic> {
    let max_outstanding = client::read_max_outstanding(client)?;
    let Some(list) = root.find(&CLASS)?.list()? else {
        refuse_rate_of_all(workload)?;
        let timeout = client::read_timeout(client, workload)?;
        workload.ask_for(&KEYS_OF_RUN)?;
        let read = workload::read(workload, EndOfAll::default(), timeout, max_model_len)?;
        refuse_two_limits(client, max_outstanding, &read)?;
        let traffic = Traffic::of_one_class(Class::of(read, usual), max_outstanding);
        let warm_up = warm_up::read(workload, traffic.is_stationary(), traffic.is_of_load_generator())?;
        workload.finish()?;
        return Ok((traffic, warm_up));
    };
    refuse_requests_of_all(workload)?;
    let end = EndOfAll {
        requests: workload.find(&REQUESTS)?.declared_integer()?.optional(),
        duration: workload.find(&DURATION)?.duration()?.optional(),
    };
    let rate = workload.find(&RATE)?.declared_number()?.optional();
    // Whoever waits longest is told by the class, if it says so.
    let timeout = client::read_timeout(client, workload)?;
    let mut classes: Vec<Class> = Vec::new();
    for item in list {
        let fields = item.table()?.expect("an entry of a list has a value");
        let class = read_one(&fields, end, (timeout, usual), max_model_len)?;
        if classes.iter().any(|other| other.name == class.name) {
            let message = format!("`{}.name` is that of an earlier class", fields.path());
            return Err(fields
                .error(NAME.name, message)
                .help("give each class a name of its own"));
        }
        classes.push(class);
    }
    if classes.is_empty() || classes.len() > ClassId::MOST {
        let message = format!("there are {} classes, and 1 to {} can be", classes.len(), ClassId::MOST);
        return Err(root
            .error(CLASS.name, message)
            .help("write a [[class]] for each kind of traffic"));
    }
    let mut traffic = Traffic {
        classes,
        requests: end.requests,
        duration: end.duration,
        max_outstanding,
    };
    if let Some(rate) = rate {
        set_rate(workload, &mut traffic, rate)?;
    }
    let warm_up = warm_up::read(workload, traffic.is_stationary(), traffic.is_of_load_generator())?;
    workload.finish()?;
    for class in &traffic.classes {
        refuse_two_limits(client, max_outstanding, &class.workload)?;
    }
    Ok((traffic, warm_up))
}

fn read_one(
    fields: &Fields<'_>,
    end: EndOfAll,
    (timeout, usual): (Option<Span>, ClientRules),
    max_model_len: u32,
) -> Result<Class, Diagnostic> {
    let name = fields.find(&NAME)?.text()?.needed()?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !name.chars().all(is_plain) {
        let message = format!("`{}.name` may hold letters, digits, `-` and `_` only", fields.path());
        return Err(fields.error(NAME.name, message).help("write name = \"chat\""));
    }
    let priority = fields.find(&PRIORITY)?.declared_signed()?.optional();
    let own = fields
        .table(&OWN_WORKLOAD)?
        .ok_or_else(|| fields.missing(&OWN_WORKLOAD))?;
    let client = fields.section(OWN_CLIENT.name)?;
    let timeout = client::read_timeout(&client, &own)?.or(timeout);
    let max_outstanding = client::read_max_outstanding(&client)?;
    let clients = client::read_rules(&client, usual)?;
    client.finish()?;
    let admission = fields.section(OWN_ADMISSION.name)?;
    let max_queue = admission::read_max_queue(&admission)?;
    admission.finish()?;
    let workload = workload::read(&own, end, timeout, max_model_len)?;
    own.finish()?;
    refuse_two_limits(&client, max_outstanding, &workload)?;
    if priority.is_some() && workload.has_priorities() {
        let message = format!(
            "`{0}.priority` and `{0}.workload.priority` exclude each other",
            fields.path()
        );
        return Err(fields.error(PRIORITY.name, message).help("keep one of the two"));
    }
    let ends_by_itself = own.has(REQUESTS.name) || own.has(DURATION.name);
    let objectives = slo::read(&fields.section(SLO.name)?)?;
    fields.finish()?;
    Ok(Class {
        name: Some(name),
        priority,
        max_outstanding,
        ends_by_itself,
        objectives,
        max_queue,
        ..Class::of(workload, clients)
    })
}

/// What is said of requests is said of those of a class.
fn refuse_requests_of_all(workload: &Fields<'_>) -> Result<(), Diagnostic> {
    let of_all = [REQUESTS.name, DURATION.name, TIMEOUT.name];
    let mut of_requests = KEYS_OF_REQUESTS.iter().map(|key| key.name);
    let Some(key) = of_requests.find(|&key| workload.has(key) && !of_all.contains(&key)) else {
        return Ok(());
    };
    let message = format!(
        "`{}.{key}` and `class` exclude each other: each class has requests of its own",
        WORKLOAD.name
    );
    let help = format!("move `{key}` to the workload of a class: [class.workload] below its [[class]]");
    let error = workload.error(key, message).help(help);
    if key == ARRIVALS.name {
        return Err(error.help("workload.rate = 8.0 sets the rate of all classes together"));
    }
    Err(error)
}

fn refuse_rate_of_all(workload: &Fields<'_>) -> Result<(), Diagnostic> {
    if !workload.has(RATE.name) {
        return Ok(());
    }
    let message = format!(
        "`{}.{}` is the rate of several classes together",
        WORKLOAD.name, RATE.name
    );
    let help = "write arrivals = { process = \"poisson\", rate = 8.0 }, or [[class]] for each kind of traffic";
    Err(workload.error(RATE.name, message).help(help))
}

/// Multiplies the rates of all classes so that they come to `rate` together [1/s].
fn set_rate(workload: &Fields<'_>, traffic: &mut Traffic, rate: f64) -> Result<(), Diagnostic> {
    let refuse = |message: &str, help: &str| Err(workload.error(RATE.name, message).help(help));
    let has_trace = |class: &Class| matches!(class.workload, Workload::Trace(_));
    if traffic.classes.iter().any(has_trace) {
        let message = "`workload.rate` cannot be set where a class replays a trace";
        return refuse(
            message,
            "write trace.rate or trace.speedup for the class, and rates for the others",
        );
    }
    let Some(own) = traffic.rate_per_s() else {
        let message = "`workload.rate` cannot be set, as no class has a rate";
        return refuse(
            message,
            "write arrivals = { process = \"poisson\", rate = 8.0 } for a class",
        );
    };
    for class in &mut traffic.classes {
        if let Workload::Synthetic(synthetic) = &mut class.workload {
            synthetic.arrivals = synthetic.arrivals.at_times_the_rate(rate / own);
            if let Err(invalid) = synthetic.validate() {
                return refuse(
                    &format!("at this rate a class's `{}` {}", invalid.key, invalid.message),
                    "write another",
                );
            }
        }
    }
    Ok(())
}

/// The clients of a closed loop are as many as requests can be outstanding.
fn refuse_two_limits(client: &Fields<'_>, max_outstanding: Option<u32>, workload: &Workload) -> Result<(), Diagnostic> {
    let (key, instead) = match workload {
        Workload::Synthetic(workload) if workload.arrivals.is_closed_loop() => (
            "arrivals.concurrency",
            "arrivals = { process = \"poisson\", rate = 8.0 } to have requests that are due wait with their clients",
        ),
        Workload::Trace(replay) if replay.concurrency.is_some() => (
            "trace.concurrency",
            "trace.speedup or trace.rate to have rows that are due wait with their clients",
        ),
        _ => return Ok(()),
    };
    if max_outstanding.is_none() {
        return Ok(());
    }
    let limit = format!("{}.{}", client.path(), MAX_OUTSTANDING.name);
    let message = format!(
        "`{limit}` and `workload.{key}` exclude each other: a closed loop has no more requests outstanding than \
         clients, and none that is due before"
    );
    let help = format!("remove one of the two; write {instead}");
    Err(client.error(MAX_OUTSTANDING.name, message).help(help))
}
