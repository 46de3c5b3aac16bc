//! A workload whose requests come from outside, in real time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::deliveries::{Deliveries, LiveClient, LiveEnd, LiveNews};
use super::live_clock::LiveClock;
use super::live_settings::LiveSettings;
use crate::metrics::{ExposedRun, Exposition};
use crate::units::{PICOS_PER_SECOND, Span, Time};
use crate::workload::trace::TraceError;
use crate::workload::{ClassId, Request, RequestId, Source};

/// What is asked of a live run.
pub enum Command {
    /// A request, which reached the server at an instant; its own arrival means nothing.
    Send(Request, Instant, Box<dyn LiveClient>),
    /// The client of a request has left.
    Leave(RequestId),
    /// What a Prometheus would scrape now.
    Expose(Box<dyn FnOnce(ExposedRun) + Send>),
}

/// Servers are never further behind the clock than this while they have something to do: less than what any front end
/// takes, so that a token is known before it is due [real time].
const TICK: Duration = Duration::from_micros(500);
/// While they have nothing to do, something may happen to servers themselves.
const IDLE_TICK: Duration = Duration::from_millis(100);
/// No client waits longer, in simulated time: some bound has to be there for clients that may leave at all.
const LONGEST_WAIT: Span = Span::from_picos(10 * 86_400 * PICOS_PER_SECOND);

/// Requests from outside. Whoever drives servers with it never takes them beyond the clock's time.
pub struct LiveSource {
    commands: Receiver<Command>,
    clock: LiveClock,
    deliveries: Rc<RefCell<Deliveries>>,
    exposition: Rc<RefCell<Exposition>>,
    settings: LiveSettings,
    /// Requests that have come and are not taken yet.
    pending: VecDeque<Request>,
    /// Requests in the servers.
    inside: FxHashSet<RequestId>,
    /// Those of them whose clients have left.
    leaving: VecDeque<RequestId>,
    /// The next instant that was told.
    announced: Option<Time>,
    /// How far the servers have been taken.
    now: Time,
    woken: Instant,
    /// Once it is set, the run is to be cut.
    cut: Arc<AtomicBool>,
    /// Since when nobody is to come any more.
    closing: Option<Instant>,
}

impl LiveSource {
    /// Requests that come as `commands`, on this clock; `cut` ends the run if requests are left when it must end.
    pub fn new(
        commands: Receiver<Command>,
        clock: LiveClock,
        heard: (Rc<RefCell<Deliveries>>, Rc<RefCell<Exposition>>),
        settings: LiveSettings,
        cut: Arc<AtomicBool>,
    ) -> Self {
        Self {
            commands,
            clock,
            deliveries: heard.0,
            exposition: heard.1,
            settings,
            pending: VecDeque::new(),
            inside: FxHashSet::default(),
            leaving: VecDeque::new(),
            announced: None,
            now: Time::ZERO,
            woken: Instant::now(),
            cut,
            closing: None,
        }
    }

    /// Waits until something is to happen, and says when; `None` if nothing ever will.
    fn wait(&mut self) -> Option<Time> {
        loop {
            let now = Instant::now();
            self.deliveries.borrow_mut().deliver(self.clock.time(now));
            while let Ok(command) = self.commands.try_recv() {
                self.heed(command);
            }
            if let Some(first) = self.pending.front() {
                return Some(first.arrival);
            }
            if self.is_over(now) {
                return None;
            }
            let tick = if self.deliveries.borrow().open() > 0 {
                TICK
            } else {
                IDLE_TICK
            };
            let wakes = self.woken + tick;
            if now >= wakes || !self.leaving.is_empty() || self.cut.load(Ordering::Relaxed) {
                self.woken = now;
                return Some(self.clock.time(now).max(self.now));
            }
            let due = self.deliveries.borrow().next_due().map(|at| self.clock.instant(at));
            let until = due.map_or(wakes, |due| due.min(wakes));
            match self.commands.recv_timeout(until.saturating_duration_since(now)) {
                Ok(command) => self.heed(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.closing.get_or_insert(now);
                    std::thread::sleep(until.saturating_duration_since(now));
                }
            }
        }
    }

    fn heed(&mut self, command: Command) {
        match command {
            Command::Send(_, at, mut client) if self.closing.is_some() => client.hear(LiveNews {
                due: at,
                tokens: 0,
                end: Some(LiveEnd::Stopped),
            }),
            Command::Send(request, at, client) => {
                let latest = self.pending.back().map_or(self.now, |last| last.arrival);
                let arrival = self.clock.time(at).max(latest);
                let mut deliveries = self.deliveries.borrow_mut();
                deliveries.expect(request.id, request.prompt.tokens(), request.output_tokens, client);
                self.pending.push_back(Request { arrival, ..request });
            }
            Command::Leave(id) => {
                self.deliveries.borrow_mut().forget(id);
                self.leaving.push_back(id);
            }
            Command::Expose(answer) => answer(self.exposition.borrow().so_far()),
        }
    }

    /// Whether the run is over: those who are inside may have some time when it is to end.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.settings.stop.load(Ordering::Relaxed) {
            self.closing.get_or_insert(now);
        }
        let Some(since) = self.closing else {
            return false;
        };
        if self.deliveries.borrow().open() == 0 && self.inside.is_empty() {
            return true;
        }
        if now >= since + self.settings.grace {
            self.deliveries.borrow_mut().stop();
            self.cut.store(true, Ordering::Relaxed);
        }
        false
    }
}

impl Source for LiveSource {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.announced.is_none() {
            self.announced = self.wait();
        }
        Ok(self.announced)
    }

    fn arrives(&mut self) -> bool {
        self.now = self.announced.take().unwrap_or(self.now);
        self.pending.front().is_some_and(|first| first.arrival <= self.now)
    }

    fn take(&mut self) -> Request {
        let request = self.pending.pop_front().expect("it arrives");
        self.inside.insert(request.id);
        request
    }

    fn finished(&mut self, id: RequestId, _at: Time) {
        self.inside.remove(&id);
    }

    fn gives_up(&mut self) -> Option<RequestId> {
        while let Some(id) = self.leaving.pop_front() {
            if self.inside.contains(&id) {
                return Some(id);
            }
        }
        None
    }

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        Some(LONGEST_WAIT)
    }

    fn is_closed_loop(&self) -> bool {
        true
    }

    fn runs_out(&self) -> bool {
        true
    }
}
