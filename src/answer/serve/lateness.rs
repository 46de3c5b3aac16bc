//! How late what is due goes out.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Boundaries of the histogram [s].
const BOUNDARIES_S: [f64; 13] = [
    0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0,
];
/// From here on what clients measure is no longer what is simulated.
const TOO_LATE_S: f64 = 0.005;
/// Fewer say nothing of the latest hundredth.
const FEWEST: u64 = 1_000;

/// Counts how late tokens went out, from any thread.
#[derive(Debug, Default)]
pub struct Lateness {
    /// Up to each boundary and above the one before; the last one above all.
    counts: [AtomicU64; BOUNDARIES_S.len() + 1],
    sum_us: AtomicU64,
}

impl Lateness {
    /// What was due goes out now.
    pub fn note(&self, due: Instant) {
        let late = Instant::now().saturating_duration_since(due);
        let place = BOUNDARIES_S.partition_point(|&boundary| boundary < late.as_secs_f64());
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
    }

    fn counts(&self) -> [u64; BOUNDARIES_S.len() + 1] {
        self.counts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// A bound on the lateness of all but so large a part; `None` of none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let counts = self.counts();
        let all: u64 = counts.iter().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        let place = counts.iter().position(|count| {
            below += count;
            below >= wanted
        })?;
        Some(
            BOUNDARIES_S
                .get(place)
                .map_or(Duration::MAX, |&bound| Duration::from_secs_f64(bound)),
        )
    }

    /// What to say if clients do not get tokens when they are due.
    pub fn warning(&self) -> Option<String> {
        let all: u64 = self.counts().iter().sum();
        let late = self.quantile(0.99)?;
        (all >= FEWEST && late.as_secs_f64() > TOO_LATE_S).then(|| {
            let at_most = match late {
                Duration::MAX => "more than 1 s".to_owned(),
                late => format!("up to {} ms", late.as_millis()),
            };
            format!(
                "tokens go out late, one of a hundred by {at_most}: this machine is too slow for so much; write \
                 --time-scale 0.5 or less, so that time passes slower"
            )
        })
    }

    /// The histogram, as a Prometheus scrapes it.
    pub fn write(&self, text: &mut String) {
        let name = "tailcast:serve_lateness_seconds";
        let _ = writeln!(
            text,
            "# HELP {name} How long after it was due what clients hear went out, in real time."
        );
        let _ = writeln!(text, "# TYPE {name} histogram");
        let mut all = 0;
        let counts = self.counts();
        for (boundary, count) in BOUNDARIES_S
            .iter()
            .map(|it| format!("{it:?}"))
            .chain(["+Inf".into()])
            .zip(counts)
        {
            all += count;
            let _ = writeln!(text, "{name}_bucket{{le=\"{boundary}\"}} {all}");
        }
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {all}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_warns_of_much_that_is_late() {
        let lateness = Lateness::default();
        assert!(lateness.quantile(0.99).is_none() && lateness.warning().is_none());
        for number in 0..2_000 {
            let late = if number % 50 == 0 { 30 } else { 0 };
            let due = Instant::now().checked_sub(Duration::from_millis(late));
            lateness.note(due.unwrap());
        }
        assert_eq!(lateness.quantile(0.5), Some(Duration::from_micros(250)));
        assert_eq!(lateness.quantile(0.99), Some(Duration::from_millis(50)));
        assert!(lateness.warning().is_some_and(|it| it.contains("up to 50 ms")));
        let mut text = String::new();
        lateness.write(&mut text);
        assert!(
            text.contains("_bucket{le=\"+Inf\"} 2000\n") && text.ends_with("_count 2000\n"),
            "{text}"
        );
    }
}
