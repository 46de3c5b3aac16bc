//! What a measured file says of its workload, taken where the scenario does not say it.

use super::input::Base;
use crate::config::{BenchmarkLoad, Diagnostic, Flag};

/// What is taken of a result's load.
#[derive(Clone, Debug, Default)]
pub struct TakenLoad {
    /// What sets it.
    pub flags: Vec<Flag>,
    /// The same as a scenario would write it, a key each.
    pub words: Vec<String>,
}

/// What a scenario leaves open of its workload.
#[derive(Clone, Debug)]
pub struct OpenWorkload {
    keys: Vec<&'static str>,
}

const ARRIVALS: &str = "workload.arrivals";
const REQUESTS: &str = "workload.requests";
const DURATION: &str = "workload.duration";
const PROMPT: &str = "workload.prompt";
const OUTPUT: &str = "workload.output";
const OUTSTANDING: &str = "client.max_outstanding";

impl OpenWorkload {
    /// What the scenario, flags included, does not say. Traces and classes say all.
    pub fn of(base: &Base) -> Result<Self, Diagnostic> {
        let values = base.to_json()?;
        let is_open = |path: &str| {
            let (table, key) = path.split_once('.').unwrap_or((path, ""));
            values[table][key].is_null()
        };
        let is_drawn = is_open("workload.trace") && values["class"].is_null();
        let all = [ARRIVALS, REQUESTS, DURATION, PROMPT, OUTPUT, OUTSTANDING];
        let keys = all.into_iter().filter(|key| is_drawn && is_open(key));
        Ok(Self { keys: keys.collect() })
    }

    fn has(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }

    /// Whether nothing says how long a run is.
    fn lacks_length(&self) -> bool {
        self.has(REQUESTS) && self.has(DURATION)
    }

    /// Whether anything that a run needs is missing.
    pub fn lacks_anything(&self) -> bool {
        self.lacks_length() || [ARRIVALS, PROMPT, OUTPUT].iter().any(|key| self.has(key))
    }

    /// What a run needs that neither the scenario says nor `taken`.
    pub fn still_missing(&self, taken: &TakenLoad) -> Vec<&'static str> {
        let is_taken = |key: &str| taken.words.iter().any(|word| word.starts_with(key));
        let needed = [(ARRIVALS, self.has(ARRIVALS)), (REQUESTS, self.lacks_length())];
        let lengths = [PROMPT, OUTPUT].map(|key| (key, self.has(key)));
        let open = needed
            .into_iter()
            .chain(lengths)
            .filter(|(key, is_open)| *is_open && !is_taken(key));
        open.map(|(key, _)| key).collect()
    }

    /// What of it the load says that `file` was measured under.
    pub fn taken_from(&self, load: &BenchmarkLoad, file: &str) -> TakenLoad {
        let mut keys = Vec::new();
        if self.lacks_length()
            && let Some(requests) = load.requests
        {
            keys.push((REQUESTS, requests.to_string()));
        }
        // A span that ends at an exact time needs the number of requests, and nothing else that ends them.
        let is_counted = self.has(DURATION) && (!self.has(REQUESTS) || load.requests.is_some());
        if self.has(ARRIVALS)
            && let Ok(arrivals) = load.arrivals(is_counted)
        {
            keys.push(arrivals);
            // As many as all requests hold none of them back.
            let most = load.max_concurrency.map(u64::from);
            let holds_back = load.requests.is_none_or(|all| most.is_some_and(|most| most < all));
            keys.extend(load.outstanding().filter(|_| self.has(OUTSTANDING) && holds_back));
        }
        keys.extend(load.lengths().into_iter().filter(|(key, _)| self.has(key)));
        TakenLoad::of(&keys, file)
    }
}

impl TakenLoad {
    fn of(keys: &[(&'static str, String)], file: &str) -> Self {
        let flags = keys
            .iter()
            .map(|(key, value)| Flag::new(file, format!("{key}={value}")));
        Self {
            flags: flags.collect(),
            words: keys.iter().map(|(key, value)| format!("{key} = {value}")).collect(),
        }
    }

    /// What of it is about lengths.
    #[must_use]
    pub fn of_lengths(&self) -> Self {
        let is_length = |text: &str| [PROMPT, OUTPUT].iter().any(|key| text.starts_with(key));
        let flags = self.flags.iter().filter(|flag| is_length(&flag.assignment));
        let words = self.words.iter().filter(|word| is_length(word));
        Self {
            flags: flags.cloned().collect(),
            words: words.cloned().collect(),
        }
    }

    /// What is told of it; `None` if nothing is taken.
    pub fn told(&self, file: &str) -> Option<String> {
        let words = self.words.join("; ");
        (!words.is_empty()).then(|| format!("taken from {file}, as the scenario does not say it: {words}"))
    }
}
