//! Whether a server runs, is reached, and how fast it is.

use super::faults::FaultKind;
use crate::engine::ServerChange;

/// Whether a server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Up,
    /// It has notice that it will be taken away.
    Leaving,
    Down,
    /// It is down, and never comes back.
    GoneForGood,
    /// An autoscaler has not started it, or has stopped it.
    Off,
    /// It is loaded to stand by.
    Warming,
    /// It is loaded and stands by.
    Warm,
    Starting,
    /// It is stopped once it is empty.
    Draining,
}

/// What has become of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerState {
    life: Life,
    /// How many faults keep everybody from reaching it.
    partitions: u32,
    /// By how much each fault that lasts slows it down.
    slowed_by: Vec<f64>,
    /// What part of the most requests that it may run at once each circuit breaker before it lets in.
    breakers: Vec<f64>,
    /// How often it was started again.
    starts: u32,
    /// How often it could no longer be reached.
    losses: u32,
    /// The router knows that it cannot be reached.
    is_found_missing: bool,
}

impl ServerState {
    /// Whether requests and answers get through to it.
    pub(super) const fn is_reached(&self) -> bool {
        !self.is_down() && self.partitions == 0
    }

    pub(super) const fn is_down(&self) -> bool {
        self.stands_by() || matches!(self.life, Life::Down | Life::GoneForGood | Life::Off | Life::Starting)
    }

    /// Whether it is there, or will be again.
    pub(super) const fn is_provisioned(&self) -> bool {
        !matches!(self.life, Life::GoneForGood | Life::Off)
    }

    /// What becomes of it if nothing else has since that start was noted: it is up again, or for the first time.
    pub(super) const fn comes_up(&self, starts: u32) -> Option<ServerChange> {
        match self.life {
            Life::Down if self.starts == starts => Some(ServerChange::Back),
            Life::Starting if self.starts == starts => Some(ServerChange::Started),
            Life::Warming if self.starts == starts => Some(ServerChange::Warm),
            _ => None,
        }
    }

    /// Whether a fault makes any difference to it: who is down cannot fail, and who goes anyway is not taken away.
    pub(super) const fn is_struck_by(&self, kind: &FaultKind) -> bool {
        match kind {
            FaultKind::Crash { .. } | FaultKind::OutOfMemory { .. } => !self.is_down(),
            FaultKind::Reclaim { .. } => matches!(self.life, Life::Up),
            FaultKind::Slow { .. } | FaultKind::Partition { .. } => self.is_provisioned(),
        }
    }

    pub(super) const fn is_starting(&self) -> bool {
        matches!(self.life, Life::Starting)
    }

    /// Whether it is not ready, or a circuit breaker may keep requests from it, and that will pass.
    pub(super) const fn comes_back(&self) -> bool {
        let is_kept_away = !self.is_ready() || self.has_breaker();
        self.is_provisioned() && is_kept_away && !self.is_draining() && !self.stands_by()
    }

    /// Whether it is kept to be started soon, loaded or not.
    pub(super) const fn stands_by(&self) -> bool {
        matches!(self.life, Life::Warming | Life::Warm)
    }

    pub(super) const fn is_warming(&self) -> bool {
        matches!(self.life, Life::Warming)
    }

    pub(super) const fn is_warm(&self) -> bool {
        matches!(self.life, Life::Warm)
    }

    /// Whether it has failed and will be back.
    pub(super) const fn is_to_be_back(&self) -> bool {
        matches!(self.life, Life::Down)
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self.life, Life::Up)
    }

    pub(super) const fn is_off(&self) -> bool {
        matches!(self.life, Life::Off)
    }

    pub(super) const fn is_draining(&self) -> bool {
        matches!(self.life, Life::Draining)
    }

    const fn is_leaving(&self) -> bool {
        matches!(self.life, Life::Leaving)
    }

    /// Whether the router sends anything there, as far as it knows.
    pub(super) const fn is_ready(&self) -> bool {
        !self.is_found_missing && !self.is_leaving() && !self.is_draining()
    }

    pub(super) const fn starts(&self) -> u32 {
        self.starts
    }

    /// By how much its steps take longer: as much as the worst of what slows it down.
    pub(super) fn slowness(&self) -> f64 {
        self.slowed_by.iter().fold(1.0, |most, &factor| most.max(factor))
    }

    /// Whether a circuit breaker stands before it.
    pub(super) const fn has_breaker(&self) -> bool {
        !self.breakers.is_empty()
    }

    /// How many requests may be outstanding at it, which has so many places, as the tightest of the circuit breakers
    /// before it says; `None` without any. A breaker that is not shut altogether lets one in.
    pub(super) fn most_outstanding(&self, places: u32) -> Option<u32> {
        let factor = self.breakers.iter().copied().reduce(f64::min)?;
        let most = (f64::from(places) * factor) as u32;
        Some(if factor > 0.0 { most.max(1) } else { 0 })
    }

    /// It fails, or is taken away, perhaps for good. Returns the number of this loss, by which the router finds out
    /// later.
    pub(super) const fn go_down(&mut self, for_good: bool) -> u32 {
        // Whoever has had notice is not sent anything anyway.
        self.is_found_missing |= self.is_leaving();
        self.life = if for_good { Life::GoneForGood } else { Life::Down };
        self.losses += 1;
        self.losses
    }

    /// It is not there any more, or not yet.
    pub(super) const fn switch_off(&mut self) {
        self.life = Life::Off;
        // Whoever stops it tells the router.
        self.is_found_missing = true;
        self.losses += 1;
        self.starts += 1;
    }

    /// Somebody starts it. Returns the number of this start.
    pub(super) const fn start(&mut self) -> u32 {
        self.life = Life::Starting;
        self.starts
    }

    /// Somebody has it loaded, to stand by. Returns the number of this start.
    pub(super) const fn warm_up(&mut self) -> u32 {
        self.life = Life::Warming;
        self.starts
    }

    /// It is loaded, and stands by.
    pub(super) const fn stand_by(&mut self) {
        self.life = Life::Warm;
    }

    pub(super) const fn drain(&mut self) {
        self.life = Life::Draining;
    }

    pub(super) const fn has_notice(&mut self) {
        self.life = Life::Leaving;
    }

    /// It cannot be reached any more. Returns the number of this loss.
    pub(super) const fn cut_off(&mut self) -> u32 {
        self.partitions += 1;
        self.losses += 1;
        self.losses
    }

    /// The router finds out about a loss; true if that is news, and still so.
    pub(super) const fn find_missing(&mut self, loss: u32) -> bool {
        let is_news = loss == self.losses && !self.is_reached() && !self.is_found_missing;
        self.is_found_missing |= is_news;
        is_news
    }

    /// It was started again.
    pub(super) const fn come_back(&mut self) {
        self.life = Life::Up;
        self.starts += 1;
        self.note_reached();
    }

    /// One of the faults has ended that kept everybody from reaching it.
    pub(super) const fn heal(&mut self) {
        self.partitions -= 1;
        self.note_reached();
    }

    const fn note_reached(&mut self) {
        if self.is_reached() {
            self.is_found_missing = false;
        }
    }

    pub(super) fn slow_down(&mut self, factor: f64) {
        self.slowed_by.push(factor);
    }

    pub(super) fn speed_up(&mut self, factor: f64) {
        take_out(&mut self.slowed_by, factor);
    }

    pub(super) fn put_breaker(&mut self, factor: f64) {
        self.breakers.push(factor);
    }

    pub(super) fn take_breaker(&mut self, factor: f64) {
        take_out(&mut self.breakers, factor);
    }
}

/// One of several faults has ended that act at once.
fn take_out(factors: &mut Vec<f64>, factor: f64) {
    let place = factors.iter().position(|other| other.total_cmp(&factor).is_eq());
    factors.swap_remove(place.expect("it was noted when the fault began"));
}
