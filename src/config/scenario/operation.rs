//! How a deployment is run: by how many servers, behind which router, and what of the run is looked at.

use super::deployment::Deployment;
use crate::config::reader::bandwidth::Bandwidth;
use crate::engine::FleetSize;
use crate::fleet::{Autoscale, Hardships, RouterChoice};
use crate::units::Span;

/// The servers that run, and what of the run is looked at.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Several servers behind a router; `None` of one server.
    pub fleet: Option<Fleet>,
    /// What of the run its numbers leave out.
    pub warm_up: WarmUp,
}

/// What of a run is left out of latencies, throughput and queue depths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// Nobody has said: what [`WarmUp::Found`] does where arrivals have the same rate throughout, unless they are those
    /// of a load generator, else nothing.
    Usual,
    /// The time that the server takes to fill, and what comes after the last arrival.
    Found,
    /// Nothing.
    Kept,
    /// Its first part, this long.
    Before(Span),
}

/// Servers behind a router.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Servers that are unlike, in the order of their numbers; empty if all servers are alike.
    pub pools: Vec<FleetPool>,
    /// How many at most, those that stand by included; one only where something makes life hard for it.
    pub servers: u32,
    /// The router in front of them.
    pub router: RouterChoice,
    /// How old what the router counts is.
    pub state_delay: Span,
    /// What clients do beside waiting, what is let in, and what fails.
    pub hardships: Hardships,
    /// How fast weights come to a server that starts; `None` if times to start include it.
    pub load_bandwidth: Option<Bandwidth>,
    /// Who starts and stops them; `None` if all are there all the time.
    pub autoscale: Option<Autoscale>,
}

/// Servers of a fleet that are alike, and unlike others.
#[derive(Clone, Debug)]
pub struct FleetPool {
    /// What it is called.
    pub name: String,
    /// How many servers it has.
    pub servers: u32,
    /// How much each takes beside those of other pools.
    pub weight: f64,
    /// What each is.
    pub deployment: Deployment,
}

impl Fleet {
    /// How many servers there are at the start.
    pub fn initial(&self) -> FleetSize {
        self.autoscale
            .map_or_else(|| FleetSize::all_ready(self.servers), |rules| rules.initial_size())
    }
}

impl Operation {
    /// Kinds of servers that are unlike; none if all servers are alike.
    pub fn pools(&self) -> &[FleetPool] {
        self.fleet.as_ref().map_or(&[], |fleet| &fleet.pools)
    }

    /// How many servers there are at the start.
    pub fn initial_size(&self) -> FleetSize {
        self.fleet
            .as_ref()
            .map_or_else(|| FleetSize::all_ready(1), Fleet::initial)
    }

    /// Whether anything happens to servers.
    pub fn has_faults(&self) -> bool {
        let fleet = self.fleet.as_ref();
        fleet.is_some_and(|fleet| !fleet.hardships.faults.is_empty())
    }

    /// Whether a rule says how many servers there are.
    pub fn is_scaled(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.autoscale.is_some())
    }

    /// How many servers there are, at most.
    pub fn servers(&self) -> u32 {
        self.fleet.as_ref().map_or(1, |fleet| fleet.servers)
    }
}
