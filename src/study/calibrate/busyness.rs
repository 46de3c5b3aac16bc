//! How loaded a measured server was: which requests ran when another came, and whether latencies are steps or queues.

use super::latencies::Served;
use super::refusal::Refusal;
use crate::config::MeasuredRequest;
use crate::stats::mean;
use crate::units::Time;

/// Fewer requests make no mean.
const LEAST_IN_BIN: usize = 25;

/// Requests that met the server with about as many others running.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// The mean number of others.
    pub running: f64,
    /// Their places in the order of arrival.
    pub requests: Vec<usize>,
}

/// Bins of equal size by how many requests ran, out of `requests` in the order of arrival; those that are not `used`
/// count as running only; at most `most` bins.
pub fn bins(requests: &[MeasuredRequest], used: &[bool], most: usize) -> Vec<Bin> {
    let running = running_at_arrival(requests);
    let mut order: Vec<usize> = (0..requests.len()).filter(|&place| used[place]).collect();
    order.sort_by_key(|&place| running[place]);
    let count = (order.len() / LEAST_IN_BIN).clamp(1, most);
    let size = order.len().div_ceil(count).max(1);
    let bin = |places: &[usize]| Bin {
        running: mean(places.iter().map(|&place| running[place] as f64)).unwrap_or(0.0),
        requests: places.to_vec(),
    };
    order.chunks(size).map(bin).collect()
}

/// How many earlier requests had not finished when each arrived.
fn running_at_arrival(requests: &[MeasuredRequest]) -> Vec<usize> {
    let arrival = |request: &MeasuredRequest| request.arrival.unwrap_or(Time::ZERO);
    let mut ends: Vec<Time> = requests.iter().map(|it| arrival(it) + it.e2e).collect();
    ends.sort_unstable();
    let before = requests.iter().enumerate().map(|(place, request)| {
        let ended = ends.partition_point(|end| *end <= arrival(request));
        place.saturating_sub(ended)
    });
    before.collect()
}

/// Waiting times are most of what clients saw.
const MOSTLY: f64 = 0.5;
/// A first token that takes so many times what it does without waiting has waited.
const TIMES_UNLOADED: f64 = 3.0;
/// And at least this [s].
const LEAST_WAIT_S: f64 = 0.1;

/// Refuses a run whose latencies are queues, by its mean TTFT and the simulated requests.
pub fn refuse_queues(measured_ttft: f64, simulated: &[Served]) -> Result<(), Refusal> {
    let ttft = mean(simulated.iter().map(|it| it.ttft)).unwrap_or(0.0);
    let wait = mean(simulated.iter().map(|it| it.wait)).unwrap_or(0.0);
    let unloaded = ttft - wait;
    let waits = wait > MOSTLY * ttft;
    let measured_waits = measured_ttft > TIMES_UNLOADED * unloaded && measured_ttft - unloaded > LEAST_WAIT_S;
    // A simulated queue alone may go once the coefficients are fitted.
    let both_wait = waits && measured_ttft * (1.0 - MOSTLY) > unloaded;
    if waits && ttft > TIMES_UNLOADED * measured_ttft {
        return Err(Refusal::new(
            format!(
                "the simulated server cannot keep up with a load that the measured one served: TTFT {} instead of {} \
                 in the mean",
                seconds(ttft),
                seconds(measured_ttft)
            ),
            "the scenario is not what was measured: compare gpu, tensor_parallel, weights, kv_blocks, the limits of \
             [batching], and what prompts share",
        ));
    }
    if measured_waits || both_wait {
        return Err(Refusal::new(
            format!(
                "TTFT ({} in the mean) is mostly waiting: without a queue it would be about {}, and a queue's length \
                 says little about how long steps take",
                seconds(measured_ttft),
                seconds(unloaded)
            ),
            "calibrate on a run at moderate load, in which requests hardly wait",
        ));
    }
    Ok(())
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", 1e3 * seconds)
    } else {
        format!("{seconds:.1} s")
    }
}
