//! How data are compared with simulations: as closely as they allow, if they say anything.

use super::busyness;
use super::comparison::{self, MeasuredData};
use super::data::{Data, MeasuredLoad};
use super::latencies::Served;
use super::one_by_one::OneByOne;
use super::refusal::Refusal;
use super::several::OneLoad;
use super::step_rows::StepRows;
use super::summed_up::SummedUp;
use crate::config::{Measured, Scenario};

/// Fewer requests say more about chance than about the server.
const LEAST_REQUESTS: usize = 50;
/// Of one load among several, whose requests count together.
const LEAST_AT_A_LOAD: usize = 10;
/// Requests that are missing from the load, of all.
const MOST_UNFINISHED: f64 = 0.05;

/// The comparisons that the data allow; refuses those that say nothing, naming the load if there are several.
pub fn comparisons(loads: Vec<MeasuredLoad>) -> Result<Vec<OneLoad>, Refusal> {
    let are_several = loads.len() > 1;
    let least = if are_several { LEAST_AT_A_LOAD } else { LEAST_REQUESTS };
    let compared = loads.into_iter().map(|load| {
        let MeasuredLoad { label, scenario, data } = load;
        let data = comparison(&scenario, &data, least)
            .map_err(|refusal| if are_several { refusal.about(&label) } else { refusal })?;
        Ok(OneLoad { label, scenario, data })
    });
    compared.collect()
}

fn comparison(scenario: &Scenario, data: &Data, least: usize) -> Result<Box<dyn MeasuredData>, Refusal> {
    let measured = match data {
        Data::Steps(steps) => return Ok(Box::new(StepRows::new(scenario, steps)?)),
        Data::Served(measured) => measured,
    };
    refuse_too_few(measured, least)?;
    let has_gaps = ["tpot.mean", "itl.mean", "tpot.p50"]
        .iter()
        .any(|name| measured.values.contains_key(name));
    if !has_gaps {
        return Err(Refusal::new(
            "no time between tokens was measured: every output is a single token, or TPOT is missing",
            "calibrate on a run whose outputs have tens of tokens; a result needs mean_tpot_ms",
        ));
    }
    let ttft = ["ttft.mean", "ttft.p50"]
        .iter()
        .find_map(|name| measured.values.get(name));
    let Some(&ttft) = ttft else {
        return Err(Refusal::new(
            "no time to the first token was measured",
            "measure with streaming; a result needs mean_ttft_ms",
        ));
    };
    let one_by_one = OneByOne::new(scenario, measured)?;
    let (comparison, simulated): (Box<dyn MeasuredData>, _) = if let Some(requests) = one_by_one {
        let simulated = requests.simulated(scenario)?;
        (Box::new(requests), simulated)
    } else {
        let summary = SummedUp::new(scenario, measured)?;
        (Box::new(summary), comparison::run(scenario, scenario.seed, None)?)
    };
    let simulated: Vec<Served> = simulated.into_iter().flatten().collect();
    if simulated.iter().all(|it| it.tpot.unwrap_or(0.0) == 0.0) {
        return Err(Refusal::new(
            "no simulated answer has a time between tokens, as each comes as a whole: the scenario's policy is not \
             what was measured",
            "write the policy of the measured server, such as batching.policy = \"continuous\"",
        ));
    }
    busyness::refuse_queues(ttft, &simulated)?;
    Ok(comparison)
}

fn refuse_too_few(measured: &Measured, least: usize) -> Result<(), Refusal> {
    let finished = match (&measured.requests, measured.values.get("requests.finished")) {
        (Some(requests), _) => requests.len(),
        (None, Some(&finished)) => finished as usize,
        (None, None) => return Ok(()),
    };
    if finished < least {
        let plural = if finished == 1 { "" } else { "s" };
        return Err(Refusal::new(
            format!("{finished} finished request{plural} say more about chance than about the server"),
            format!("measure {least} requests or more; some hundreds are better"),
        ));
    }
    let unfinished = measured.unfinished as f64;
    let share = unfinished / (unfinished + finished as f64);
    if share > MOST_UNFINISHED {
        return Err(Refusal::new(
            format!(
                "{} of {} requests did not finish, and what they did to the others is not known",
                measured.unfinished,
                measured.unfinished + finished as u64
            ),
            "calibrate on a run at moderate load, without failures",
        ));
    }
    Ok(())
}
