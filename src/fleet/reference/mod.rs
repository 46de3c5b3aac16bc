//! The readable fleet: from one instant to the next at which anything happens, with a look at every server each time,
//! nothing kept that can be counted again, and all that happened put in order at the end. It is the law for
//! [`super::replay_fleet`], which must tell its observer exactly the same.

mod deliveries;
mod ears;
mod outages;
mod plain_fleet;
mod scaling;
mod sight;
mod state;

use std::collections::{BTreeMap, VecDeque};

use self::plain_fleet::ReadableFleet;
use self::state::PlainServer;
use super::agenda::Agenda;
use super::autoscale::Scaler;
use super::member::FleetMember;
use super::replay::next_arrival;
use super::replay_error::ReplayError;
use super::replay_fleet::FleetSettings;
use super::retry::Retrying;
use super::router::RouterStart;
use super::watch::{Unwatched, Watch};
use crate::engine::{Engine, Observer, ServerId};
use crate::units::Time;
use crate::workload::Source;

/// Does what [`super::replay_fleet`] does, slowly.
pub fn replay_fleet_readable<E: Engine>(
    members: &[FleetMember],
    new_engine: &dyn Fn(ServerId) -> E,
    settings: &FleetSettings<'_>,
    source: &mut dyn Source,
    observer: &mut dyn Observer,
    watch: &mut impl Watch,
) -> Result<(), ReplayError> {
    let weights: Vec<f64> = members.iter().map(|member| member.weight).collect();
    let start = RouterStart {
        seed: settings.seed,
        weights: &weights,
    };
    let servers = (0..).zip(members);
    let mut fleet = ReadableFleet {
        router: settings.router.router(&start),
        servers: servers
            .map(|(number, member)| PlainServer::new(member, new_engine(ServerId(number))))
            .collect(),
        new_engine,
        delay: settings.state_delay,
        hardships: settings.hardships,
        queue: VecDeque::new(),
        requests: BTreeMap::new(),
        attempts: BTreeMap::new(),
        retrying: Retrying::new(settings.hardships.retries(), settings.seed),
        agenda: Agenda::new(
            &settings.hardships.faults,
            settings.autoscale,
            members.len(),
            settings.seed,
        ),
        scaler: settings.autoscale.map(Scaler::new),
        left: Vec::new(),
        news_until: Time::ZERO,
        chosen: 0,
        made: 0,
        told: Vec::new(),
        produced: Vec::new(),
        source,
        observer,
    };
    fleet.start_servers();
    while let Some(now) = fleet.next_instant()? {
        watch.may_go_on()?;
        if now >= Time::LIMIT {
            return Err(ReplayError::TooLong);
        }
        fleet.run_servers(now);
        if fleet.somebody_left(now) {
            fleet.hear_answers(now);
        } else if fleet.next_news() == Some(now) {
            fleet.send_waiting(now);
        } else if let Some(id) = fleet.out_of_patience(now) {
            fleet.give_up(id, now);
        } else if fleet.next_planned()? == Some(now) {
            fleet.act(now);
        } else if next_arrival(fleet.source, &mut Unwatched)? == Some(now) {
            fleet.arrive(now);
        } else {
            // Nothing but decisions are left at this instant.
            fleet.run_servers(Time::from_picos(now.picos() + 1));
        }
    }
    fleet.tell();
    match fleet.kept_for_ever() {
        requests if requests > 0 && settings.router.is_custom() => Err(ReplayError::KeptAtRouter { requests }),
        _ => Ok(()),
    }
}
