//! What the readable fleet keeps: of servers, of requests and of attempts.

use crate::engine::{Event, FleetSize, ServerChange, ServerId, Streamed};
use crate::fleet::attempt::Leaves;
use crate::fleet::member::FleetMember;
use crate::fleet::server_state::ServerState;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A server, and what the router knows of it.
pub(super) struct PlainServer<E> {
    pub(super) engine: E,
    pub(super) state: ServerState,
    pub(super) places: u32,
    pub(super) weight: f64,
    pub(super) last_chosen: u64,
    /// When requests came.
    pub(super) came: Vec<Time>,
    /// When they ended or were given up.
    pub(super) ended: Vec<Time>,
    /// Whether the router leaves it out for the moment.
    pub(super) is_barred: bool,
}

/// A request that has not ended.
pub(super) struct Sent {
    pub(super) request: Request,
    pub(super) attempts: u32,
    pub(super) hedges: u32,
}

/// An attempt that is at the router or in a server.
pub(super) struct PlainAttempt {
    /// Its place among all that were made.
    pub(super) number: u64,
    pub(super) sent: Time,
    pub(super) first_sent: Time,
    pub(super) server: Option<ServerId>,
    pub(super) runs: bool,
    /// How it leaves if nobody waits for it any more.
    pub(super) leaves: Option<Leaves>,
}

/// Tokens that a server has produced at an instant.
pub(super) struct OutputTokens {
    pub(super) at: Time,
    pub(super) tokens: u64,
    /// Of a first token that somebody waits for, when its request was first sent.
    pub(super) first_sent: Option<Time>,
}

/// Something that is told in the end.
pub(super) enum Told {
    Sent(Request),
    Event(RequestId, Event),
    Streamed(Streamed),
    Change(ServerId, ServerChange, FleetSize),
    Scaled(u32),
}

impl<E> PlainServer<E> {
    pub(super) fn new(member: &FleetMember, engine: E) -> Self {
        Self {
            engine,
            state: ServerState::default(),
            places: member.places,
            weight: member.weight,
            last_chosen: 0,
            came: Vec::new(),
            ended: Vec::new(),
            is_barred: false,
        }
    }
}
