//! The requests of clients, as they come to the model on their paths.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::books::{ModelCall, PathBooks};
use super::calls::CallRules;
use super::outages::{OutagesSoFar, later};
use super::request_path::{PathFallback, PathStage, PlaceOnPath, RequestPath, StageWork};
use super::station::{Branch, StationState};
use super::walk::{Standing, Walk};
use crate::stats::streams::{hash_bytes, mix, stream};
use crate::units::{Span, Time};
use crate::workload::trace::TraceError;
use crate::workload::{ClassId, Request, RequestId, Source, SpanDistribution};

/// The requests of `source` behind the stages of a path. Of what happens at one instant, the stage that stands first in
/// the list goes first, then the request that came first; a stage that opens again comes after its requests, and new
/// requests last. What is drawn for a request at a stage depends on nothing but their names and the seed.
pub struct PathSource<'a, S> {
    source: S,
    path: &'a RequestPath,
    /// The stages that start with the request, and those between two calls of the model.
    firsts: Vec<usize>,
    between_calls: Vec<usize>,
    rules: CallRules,
    /// Of each stage: what its draws grow from, its outages, and its servers, if it has any.
    seeds: Vec<u64>,
    outages: Vec<OutagesSoFar<'a>>,
    stations: Vec<Option<StationState>>,
    due: BTreeMap<DueAt, DueThing>,
    /// By their numbers, in the order of their coming; never iterated over.
    walks: FxHashMap<u64, Walk>,
    came: u64,
    /// Whose the calls are that the model has not answered; never iterated over.
    calls: FxHashMap<RequestId, u64>,
    /// Of each class, how many calls it has sent.
    sent: Vec<u64>,
    /// Calls that are due now, and not taken.
    ready: VecDeque<Request>,
    first_arrival: Option<Time>,
    books: PathBooks,
}

/// When something is due, and its place among what is due then: the stage, the number of the walk, and the stage of the
/// path.
type DueAt = (Time, usize, u64, usize);

/// What is due.
#[derive(Debug)]
enum DueThing {
    /// A branch has been at its stage long enough.
    Passed(Branch),
    /// A server of a station is done with these.
    Served(usize, Vec<Branch>),
    /// A station may be up again.
    Opens(usize),
    /// The model has answered.
    Answered(ModelCall, Branch),
    /// The model does not answer.
    Unanswered(Time, Branch),
}

impl<'a, S: Source> PathSource<'a, S> {
    /// The requests of `source`, whose stages draw from streams of `seed`; `books` hear of each that has ended.
    pub fn new(source: S, path: &'a RequestPath, seed: u64, books: PathBooks) -> Self {
        let stages = path.stages.iter();
        let state = |stage: &PathStage| match stage.work {
            StageWork::Station(settings) => Some(StationState::of(settings)),
            StageWork::Delay(_) | StageWork::Model => None,
        };
        Self {
            firsts: path.firsts(),
            between_calls: path.between_calls(),
            rules: CallRules {
                calls: path.calls(),
                max_model_len: path.max_model_len,
            },
            seeds: stages
                .clone()
                .map(|stage| mix(mix(seed) ^ mix(hash_bytes(stage.name.as_bytes()))))
                .collect(),
            outages: stages
                .clone()
                .map(|stage| OutagesSoFar::of(&stage.outages, &stage.name, seed))
                .collect(),
            stations: stages.map(state).collect(),
            due: BTreeMap::new(),
            walks: FxHashMap::default(),
            came: 0,
            calls: FxHashMap::default(),
            sent: vec![0; source.classes()],
            ready: VecDeque::new(),
            first_arrival: None,
            source,
            path,
            books,
        }
    }

    fn stage(&self, place: usize) -> &'a PathStage {
        &self.path.stages[place]
    }

    /// Whether a walk goes on: it may have failed elsewhere.
    fn goes_on(&self, branch: Branch) -> bool {
        self.walks.contains_key(&branch.walk)
    }

    fn walk(&mut self, branch: Branch) -> &mut Walk {
        self.walks.get_mut(&branch.walk).expect("it goes on")
    }

    /// A client sends a request.
    fn begin(&mut self) {
        let request = self.source.take();
        let now = request.arrival;
        self.first_arrival.get_or_insert(now);
        let number = self.came;
        self.came += 1;
        self.walks.insert(number, Walk::of(request, self.path));
        for place in 0..self.firsts.len() {
            let stage = self.firsts[place];
            let branch = Branch { walk: number, stage };
            if self.goes_on(branch) {
                self.enter(branch, stage, now);
            }
        }
    }

    /// A branch comes to a stage: that of the path, or one that stands in for it.
    fn enter(&mut self, branch: Branch, at: usize, now: Time) {
        let passes = match self.stage(at).work {
            StageWork::Model => 1,
            StageWork::Delay(_) | StageWork::Station(_) => self.stage(at).times,
        };
        self.walk(branch).standing[branch.stage] = Standing { at, passes, since: now };
        self.come(branch, now);
    }

    /// A branch begins to pass its stage once more, if it is let in.
    fn come(&mut self, branch: Branch, now: Time) {
        let at = self.walk(branch).standing[branch.stage].at;
        let work = self.stage(at).work;
        if self.outages[at].down_until(now).is_some() {
            return self.refuse(branch, now);
        }
        match work {
            StageWork::Model => return self.call(branch, now),
            StageWork::Delay(delay) => {
                let due = later(now, self.draw(at, branch, &delay));
                self.due
                    .insert((due, at, branch.walk, branch.stage), DueThing::Passed(branch));
            }
            StageWork::Station(_) => {
                let station = self.stations[at].as_mut().expect("it has servers");
                if !station.has_room() {
                    return self.refuse(branch, now);
                }
                station.wait(branch, now);
            }
        }
        self.walk(branch).visits[at].served += 1;
        if self.stations[at].is_some() {
            self.start(at, now);
        }
    }

    /// How long a stage takes for a branch, whoever else is there.
    fn draw(&self, at: usize, branch: Branch, spans: &SpanDistribution) -> Span {
        if let SpanDistribution::Fixed(span) = *spans {
            return span;
        }
        let walk = &self.walks[&branch.walk];
        let pass = u64::from(walk.visits[at].served);
        let seed = mix(self.seeds[at] ^ mix(walk.request.id.0 ^ mix(pass)));
        spans.draw(&mut stream(seed, "path"))
    }

    /// Servers that are free take those who wait.
    fn start(&mut self, at: usize, now: Time) {
        while self.stations[at].as_ref().is_some_and(StationState::may_start) {
            if let Some(up) = self.outages[at].down_until(now) {
                let station = self.stations[at].as_mut().expect("it has servers");
                if station.wakes != Some(up) {
                    station.wakes = Some(up);
                    self.due.insert((up, at, u64::MAX, 0), DueThing::Opens(at));
                }
                return;
            }
            let station = self.stations[at].as_mut().expect("it has servers");
            let service = station.settings.service;
            let together = station.start();
            let (first, _) = together[0];
            let takes = self.draw(at, first, &service);
            self.books.worked(at, takes);
            for &(branch, came) in &together {
                let visit = &mut self.walk(branch).visits[at];
                visit.waited = visit.waited + (now - came);
            }
            let due = (later(now, takes), at, first.walk, first.stage);
            let branches = together.into_iter().map(|(branch, _)| branch).collect();
            self.due.insert(due, DueThing::Served(at, branches));
        }
    }

    /// A branch calls the model.
    fn call(&mut self, branch: Branch, now: Time) {
        let rules = self.rules;
        let walk = self.walks.get_mut(&branch.walk).expect("it goes on");
        let class = walk.request.id.class();
        let sent = &mut self.sent[class.place()];
        let id = RequestId(*sent).in_class(class);
        *sent += 1;
        self.ready.push_back(walk.calls.next(&walk.request, id, now, rules));
        self.calls.insert(id, branch.walk);
    }

    /// A branch has passed its stage once.
    fn pass(&mut self, branch: Branch, now: Time) {
        if !self.goes_on(branch) {
            return;
        }
        let standing = &mut self.walk(branch).standing[branch.stage];
        standing.passes -= 1;
        if standing.passes > 0 {
            return self.come(branch, now);
        }
        self.note_time(branch, now);
        self.leave(branch, now);
    }

    fn note_time(&mut self, branch: Branch, now: Time) {
        let walk = self.walk(branch);
        let Standing { at, since, .. } = walk.standing[branch.stage];
        let visit = &mut walk.visits[at];
        visit.time = visit.time + (now - since);
    }

    /// A branch is not let in, or gets no answer.
    fn refuse(&mut self, branch: Branch, now: Time) {
        self.note_time(branch, now);
        let walk = self.walk(branch);
        let at = walk.standing[branch.stage].at;
        walk.visits[at].refused += 1;
        let fallback = self.stage(at).fallback;
        if fallback == PathFallback::Fail {
            return self.end(branch.walk, now, Some(at));
        }
        self.walk(branch).visits[at].fell_back = true;
        match fallback {
            PathFallback::Stage(other) => self.enter(branch, other, now),
            PathFallback::Fail | PathFallback::Skip => self.leave(branch, now),
        }
    }

    /// A branch has done with its stage of the path.
    fn leave(&mut self, branch: Branch, now: Time) {
        match self.stage(branch.stage).place {
            PlaceOnPath::BetweenCalls { result_tokens } => {
                // Who was skipped has found nothing.
                let walk = self.walk(branch);
                if walk.standing[branch.stage].passes == 0 {
                    walk.calls.found = walk.calls.found.saturating_add(result_tokens);
                }
                let next = self.between_calls.iter().find(|&&stage| stage > branch.stage);
                self.go_to(branch.walk, next.copied().unwrap_or(self.path.model), now);
            }
            PlaceOnPath::After(_) => self.go_on_behind(branch, now),
            PlaceOnPath::Aside => unreachable!("no branch is of a stage aside"),
        }
    }

    fn go_to(&mut self, walk: u64, stage: usize, now: Time) {
        self.enter(Branch { walk, stage }, stage, now);
    }

    /// A stage of the path is passed: those behind it may begin, and the last one ends it.
    fn go_on_behind(&mut self, branch: Branch, now: Time) {
        if branch.stage == self.path.model {
            self.walk(branch).left_model = Some(now);
        }
        let walk = self.walk(branch);
        walk.left -= 1;
        if walk.left == 0 {
            return self.end(branch.walk, now, None);
        }
        for (place, stage) in self.path.stages.iter().enumerate() {
            if !self.goes_on(branch) || !stage.after().contains(&branch.stage) {
                continue;
            }
            let before = &mut self.walk(branch).before[place];
            *before -= 1;
            if *before == 0 {
                self.go_to(branch.walk, place, now);
            }
        }
    }

    /// A path has ended, with an answer or at the stage that failed.
    fn end(&mut self, number: u64, now: Time, failed_at: Option<usize>) {
        let walk = self.walks.remove(&number).expect("a path ends once");
        let id = walk.request.id;
        if failed_at.is_some() {
            for station in self.stations.iter_mut().flatten() {
                station.forget(number);
            }
            self.source.rejected(id, now);
        } else {
            self.source.finished(id, now);
        }
        self.books.cover(now - self.first_arrival.unwrap_or(now));
        self.books.add(walk.end(now, failed_at));
    }

    /// What was due now happens.
    fn act(&mut self, now: Time, thing: DueThing) {
        match thing {
            DueThing::Passed(branch) => self.pass(branch, now),
            DueThing::Served(at, branches) => {
                self.stations[at].as_mut().expect("it has servers").end();
                self.start(at, now);
                for branch in branches {
                    self.pass(branch, now);
                }
            }
            DueThing::Opens(at) => {
                self.stations[at].as_mut().expect("it has servers").wakes = None;
                self.start(at, now);
            }
            DueThing::Answered(call, branch) => self.hear(branch, Some(call), call.sent, now),
            DueThing::Unanswered(sent, branch) => self.hear(branch, None, sent, now),
        }
    }

    /// The model has answered a call that was sent then, or does not.
    fn hear(&mut self, branch: Branch, answer: Option<ModelCall>, sent: Time, now: Time) {
        if !self.goes_on(branch) {
            return;
        }
        let model = self.path.model;
        let calls = self.rules.calls;
        let between = self.between_calls.first().copied().unwrap_or(model);
        let walk = self.walk(branch);
        debug_assert_eq!(walk.standing[model].since, sent);
        let Some(call) = answer else {
            return self.refuse(branch, now);
        };
        walk.visits[model].served += 1;
        walk.answered.push(call);
        let is_last = walk.calls.made == calls;
        self.note_time(branch, now);
        if is_last {
            self.leave(branch, now);
        } else {
            self.go_to(branch.walk, between, now);
        }
    }

    fn model_is_done(&mut self, id: RequestId, at: Time, is_answered: bool) {
        let walk = self
            .calls
            .remove(&id)
            .expect("a call ends once, and only if it was sent");
        let stage = self.path.model;
        let branch = Branch { walk, stage };
        // Its path may have failed elsewhere.
        let Some(sent) = self.walks.get(&walk).map(|walk| walk.calls.sent) else {
            return;
        };
        let thing = if is_answered {
            let finished = at;
            DueThing::Answered(ModelCall { id, sent, finished }, branch)
        } else {
            DueThing::Unanswered(sent, branch)
        };
        self.due.insert((at, stage, walk, stage), thing);
    }

    fn next_due(&self) -> Option<Time> {
        self.due.first_key_value().map(|(&(at, ..), _)| at)
    }
}

impl<S: Source> Source for PathSource<'_, S> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if let Some(call) = self.ready.front() {
            return Ok(Some(call.arrival));
        }
        let new = self.source.next_arrival()?;
        Ok(self.next_due().into_iter().chain(new).min())
    }

    fn arrives(&mut self) -> bool {
        if !self.ready.is_empty() {
            return true;
        }
        // It was announced, so that it can be asked for again.
        let new = self.source.next_arrival().ok().flatten();
        match self.next_due() {
            Some(at) if new.is_none_or(|new| at <= new) => {
                let (_, thing) = self.due.pop_first().expect("something is due");
                self.act(at, thing);
            }
            _ => self.begin(),
        }
        !self.ready.is_empty()
    }

    fn take(&mut self) -> Request {
        self.ready.pop_front().expect("a request has arrived")
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.model_is_done(id, at, true);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.model_is_done(id, at, false);
    }

    fn classes(&self) -> usize {
        self.source.classes()
    }

    fn timeout(&self, class: ClassId) -> Option<Span> {
        self.source.timeout(class)
    }

    /// Whoever waits for an answer goes on with it.
    fn is_closed_loop(&self) -> bool {
        true
    }

    fn runs_out(&self) -> bool {
        self.source.runs_out()
    }

    fn held_bytes(&self) -> u64 {
        Walk::bytes(self.path.stages.len()).saturating_mul(self.walks.len() as u64)
    }
}
