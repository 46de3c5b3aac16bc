//! Reads metrics as text, and holds them to the grammar of `OpenMetrics` and of Prometheus's text format.

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// A number with what it is called and when it was so.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: Labels,
    pub value: f64,
    pub at: Option<f64>,
}

/// What a file of metrics says.
#[derive(Debug, Default)]
pub struct Exposed {
    /// Type by name of the family.
    pub types: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

impl Exposed {
    /// Reads a file, and panics at whatever it must not say; with times it has to be `OpenMetrics`.
    pub fn read(text: &str, has_times: bool) -> Self {
        let mut exposed = Self::default();
        let body = if has_times {
            text.strip_suffix("# EOF\n").expect("it ends with its end")
        } else {
            text
        };
        let mut family = (String::new(), String::new());
        let mut done: Vec<String> = Vec::new();
        for line in body.lines() {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let name = rest.split_once(' ').expect("help has a text").0;
                assert!(!done.contains(&name.to_owned()), "{name} comes twice");
                done.push(name.to_owned());
                family = (name.to_owned(), String::new());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family.0);
                kind.clone_into(&mut family.1);
                exposed.types.insert(name.to_owned(), kind.to_owned());
            } else {
                let sample = sample(line);
                assert!(
                    suffixes(&family.1, has_times)
                        .iter()
                        .any(|suffix| { sample.name.strip_suffix(suffix) == Some(&family.0) }),
                    "{line} in {family:?}"
                );
                assert_eq!(sample.at.is_some(), has_times, "{line}");
                exposed.samples.push(sample);
            }
        }
        exposed.check_series();
        exposed
    }

    /// Series are together and go forward in time; counters never shrink; buckets add up.
    fn check_series(&self) {
        let key = |sample: &Sample| (sample.name.clone(), sample.labels.clone());
        let mut by_series: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
        for sample in &self.samples {
            by_series.entry(key(sample)).or_default().push(sample);
        }
        let is_counter = |name: &str| {
            let of_histogram = ["_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
            name.ends_with("_total") || of_histogram
        };
        for ((name, labels), samples) in &by_series {
            for pair in samples.windows(2) {
                assert!(pair[0].at < pair[1].at, "{name} {labels:?} goes back in time");
                assert!(
                    !is_counter(name) || pair[0].value <= pair[1].value,
                    "{name} {labels:?} shrinks"
                );
            }
            assert!(samples.iter().all(|sample| sample.value.is_finite()), "{name}");
        }
        // All of one histogram or number stands together.
        let mut seen: BTreeSet<(String, Labels)> = BTreeSet::new();
        let mut latest = None;
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            labels.remove("le");
            let base = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| sample.name.strip_suffix(end));
            let metric = (base.unwrap_or(&sample.name).to_owned(), labels);
            if latest.as_ref() != Some(&metric) {
                assert!(seen.insert(metric.clone()), "{metric:?} is torn apart");
                latest = Some(metric);
            }
        }
        for pair in self.samples.windows(2) {
            let are_buckets = pair.iter().all(|sample| sample.labels.contains_key("le"));
            if are_buckets && pair[0].at == pair[1].at && pair[0].labels["le"] != "+Inf" {
                assert!(pair[0].value <= pair[1].value, "{pair:?}");
                let bounds = [0, 1].map(|place: usize| pair[place].labels["le"].parse::<f64>().unwrap());
                assert!(bounds[0] < bounds[1], "{pair:?}");
            }
        }
        let at = |sample: &Sample| sample.at.map(f64::to_bits);
        let counts = self.samples.iter().filter(|sample| sample.name.ends_with("_count"));
        let counts: BTreeMap<_, u64> = counts
            .map(|sample| ((&sample.name[..], &sample.labels, at(sample)), sample.value.to_bits()))
            .collect();
        let is_infinite = |sample: &&Sample| sample.labels.get("le").is_some_and(|le| le == "+Inf");
        for bucket in self.samples.iter().filter(is_infinite) {
            let mut labels = bucket.labels.clone();
            labels.remove("le");
            let name = bucket.name.replace("_bucket", "_count");
            assert_eq!(
                counts[&(&name[..], &labels, at(bucket))],
                bucket.value.to_bits(),
                "{bucket:?}"
            );
        }
    }

    /// The sum over all series of a name that carry these labels, at the latest time.
    pub fn last(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let latest = self
            .samples
            .iter()
            .filter_map(|sample| sample.at)
            .fold(f64::NEG_INFINITY, f64::max);
        let is_last = |sample: &&Sample| sample.at.is_none_or(|at| at.to_bits() == latest.to_bits());
        let chosen: Vec<f64> = self
            .named(name, labels)
            .filter(is_last)
            .map(|sample| sample.value)
            .collect();
        assert!(!chosen.is_empty(), "{name} {labels:?} is not there");
        chosen.iter().sum()
    }

    /// The sum over all series of a name, by time.
    pub fn over_time(&self, name: &str) -> Vec<f64> {
        let mut sums: BTreeMap<u64, f64> = BTreeMap::new();
        for sample in self.named(name, &[]) {
            *sums.entry((sample.at.unwrap() * 1e3).round() as u64).or_default() += sample.value;
        }
        sums.into_values().collect()
    }

    pub fn named<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        let carries = |sample: &Sample| {
            labels
                .iter()
                .all(|(label, value)| sample.labels.get(*label).is_some_and(|it| it == value))
        };
        self.samples
            .iter()
            .filter(move |sample| sample.name == name && carries(sample))
    }
}

fn suffixes(kind: &str, is_open: bool) -> &'static [&'static str] {
    match (kind, is_open) {
        ("counter", true) => &["_total"],
        ("gauge", _) | ("counter", false) => &[""],
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        other => panic!("{other:?} is no type"),
    }
}

fn sample(line: &str) -> Sample {
    let name_end = line.find(['{', ' ']).unwrap();
    let name = line[..name_end].to_owned();
    let mut characters = name.chars();
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    assert!(
        characters.next().is_some_and(starts) && characters.all(|c| starts(c) || c.is_ascii_digit()),
        "{line}"
    );
    let (labels, rest) = labels(&line[name_end..]);
    let mut numbers = rest
        .trim_start()
        .split(' ')
        .map(|number| number.parse::<f64>().expect(line));
    let sample = Sample {
        name,
        labels,
        value: numbers.next().expect(line),
        at: numbers.next(),
    };
    assert_eq!(numbers.next(), None, "{line}");
    sample
}

fn labels(text: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return (labels, text);
    };
    loop {
        let (label, after) = rest.split_once("=\"").expect(text);
        let (mut value, mut is_escaped, mut end) = (String::new(), false, None);
        for (place, character) in after.char_indices() {
            match (is_escaped, character) {
                (false, '\\') => is_escaped = true,
                (false, '"') => {
                    end = Some(place);
                    break;
                }
                (true, 'n') => (value.push('\n'), is_escaped = false).1,
                (true, '\\' | '"') | (false, _) => (value.push(character), is_escaped = false).1,
                (true, other) => panic!("\\{other} in {text}"),
            }
        }
        assert_eq!(labels.insert(label.to_owned(), value), None, "{text}");
        rest = &after[end.expect(text) + 1..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return (labels, rest.strip_prefix('}').expect(text)),
        }
    }
}
