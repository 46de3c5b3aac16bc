//! The stages of a path against a readable twin: who is where is one list, and servers that work, requests that wait
//! and stages that are passed are counted anew at every event.

use rand::RngExt;
use tailcast::path::{
    EndedPath, PathFallback, PathStage, PathStation, PlaceOnPath, RequestPath, StageOutages, StageVisit, StageWork,
};
use tailcast::stats::streams::{Xoshiro256PlusPlus, mix, stream};
use tailcast::units::{Span, Time};
use tailcast::workload::SpanDistribution;

use crate::path_runs::{Asked, drive, path_of, stage};

const WORLDS: u64 = 600;

/// A branch of a request.
#[derive(Clone, Debug)]
struct Token {
    walk: usize,
    /// The stage of the path, and the one where it is.
    stage: usize,
    at: usize,
    passes: u32,
    since: Time,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Until then, by itself or with others under the same number.
    Busy { until: Time, together: usize },
    /// Since then, as the so-manieth of all who ever waited.
    Waits { since: Time, turn: usize },
    /// Until then, with an answer or without.
    Asks { until: Time, is_answered: bool },
}

#[derive(Clone, Debug)]
struct PlainWalk {
    arrival: Time,
    /// Which stages of the path are passed.
    passed: Vec<bool>,
    visits: Vec<StageVisit>,
    calls: u32,
    left_model: Option<Time>,
    answered: usize,
    /// When it ended, and where if it failed.
    ended: Option<(Time, Option<usize>)>,
}

struct Twin<'a> {
    path: &'a RequestPath,
    answer: &'a dyn Fn(u64) -> (Span, bool),
    walks: Vec<PlainWalk>,
    tokens: Vec<Token>,
    now: Time,
    asked: u64,
    numbered: usize,
    /// In the order of their ends.
    ended: Vec<usize>,
}

impl Twin<'_> {
    fn run(mut self, arrivals: &[Time]) -> Vec<PlainWalk> {
        let mut arrivals = arrivals.iter().copied().peekable();
        loop {
            let due = self.next_due();
            match (due, arrivals.peek().copied()) {
                (Some((at, ..)), arrival) if arrival.is_none_or(|arrival| at <= arrival) => self.act(due.unwrap()),
                (_, Some(arrival)) => {
                    arrivals.next();
                    self.arrive(arrival);
                }
                (_, None) => break,
            }
        }
        assert!(self.tokens.iter().all(|token| self.walks[token.walk].ended.is_some()));
        self.ended.iter().map(|&walk| self.walks[walk].clone()).collect()
    }

    /// The instant, the stage, the walk (that of the first of a batch; beyond all if the stage opens), and the stage of
    /// the path of what happens next.
    fn next_due(&self) -> Option<(Time, usize, usize, usize)> {
        let of_token = self.tokens.iter().filter_map(|token| match token.state {
            State::Busy { until, together } => {
                let mut batch = self.tokens.iter();
                let first =
                    batch.find(|it| matches!(it.state, State::Busy { together: other, .. } if other == together));
                let first = first.unwrap();
                Some((until, token.at, first.walk, first.stage))
            }
            State::Asks { until, .. } => Some((until, token.at, token.walk, token.stage)),
            State::Waits { .. } => None,
        });
        let opens = (0..self.path.stages.len()).filter_map(|at| {
            let waits = |token: &Token| token.at == at && matches!(token.state, State::Waits { .. });
            let StageWork::Station(station) = self.path.stages[at].work else {
                return None;
            };
            let is_free = self.working(at) < station.servers as usize;
            // Who waits though a server is free waits for the end of an outage that has begun.
            let outages = self.outages(at).iter().map(|&(from, lasts)| (from, from + lasts));
            let mut under_way = outages.filter(|&(from, end)| from <= self.now && self.now <= end);
            let waits = is_free && self.tokens.iter().any(waits);
            under_way
                .next()
                .filter(|_| waits)
                .map(|(_, end)| (end, at, usize::MAX, 0))
        });
        of_token.chain(opens).min()
    }

    fn outages(&self, at: usize) -> &[(Time, Span)] {
        match &self.path.stages[at].outages {
            StageOutages::Planned(planned) => planned,
            _ => &[],
        }
    }

    fn is_down(&self, at: usize, now: Time) -> bool {
        let mut outages = self.outages(at).iter();
        outages.any(|&(from, lasts)| from <= now && now < from + lasts)
    }

    /// How many servers of a station work.
    fn working(&self, at: usize) -> usize {
        let busy = self.tokens.iter().filter_map(|token| match token.state {
            State::Busy { together, .. } if token.at == at => Some(together),
            _ => None,
        });
        let mut numbers: Vec<usize> = busy.collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    }

    fn act(&mut self, (now, at, walk, stage): (Time, usize, usize, usize)) {
        assert!(now >= self.now, "time goes on");
        self.now = now;
        if walk == usize::MAX {
            return self.start(at, now);
        }
        let first = self
            .tokens
            .iter()
            .find(|it| (it.walk, it.stage, it.at) == (walk, stage, at));
        match first.unwrap().state {
            State::Waits { .. } => unreachable!("who waits is not due"),
            State::Asks { is_answered, .. } => {
                let token = self.remove(walk, stage);
                self.hear(&token, is_answered, now);
            }
            State::Busy { together, .. } => {
                let is_of_it =
                    |it: &Token| matches!(it.state, State::Busy { together: other, .. } if other == together);
                let (batch, others) = self.tokens.drain(..).partition(is_of_it);
                let batch: Vec<Token> = batch;
                self.tokens = others;
                self.start(at, now);
                for mut token in batch {
                    if self.walks[token.walk].ended.is_some() {
                        continue;
                    }
                    token.passes -= 1;
                    if token.passes > 0 {
                        self.come(token, now);
                    } else {
                        self.note_time(&token, now);
                        self.leave(&token, now);
                    }
                }
            }
        }
    }

    fn remove(&mut self, walk: usize, stage: usize) -> Token {
        let place = self.tokens.iter().position(|it| (it.walk, it.stage) == (walk, stage));
        self.tokens.remove(place.unwrap())
    }

    fn arrive(&mut self, now: Time) {
        self.now = now;
        let stages = self.path.stages.len();
        self.walks.push(PlainWalk {
            arrival: now,
            passed: vec![false; stages],
            visits: vec![StageVisit::default(); stages],
            calls: 0,
            left_model: None,
            answered: 0,
            ended: None,
        });
        let walk = self.walks.len() - 1;
        for place in 0..stages {
            if self.path.stages[place].place == PlaceOnPath::After(Vec::new()) {
                self.enter(walk, place, place, now);
            }
        }
    }

    fn enter(&mut self, walk: usize, stage: usize, at: usize, now: Time) {
        if self.walks[walk].ended.is_some() {
            return;
        }
        let is_model = self.path.stages[at].work == StageWork::Model;
        let token = Token {
            walk,
            stage,
            at,
            passes: if is_model { 1 } else { self.path.stages[at].times },
            since: now,
            state: State::Waits { since: now, turn: 0 },
        };
        self.come(token, now);
    }

    fn come(&mut self, mut token: Token, now: Time) {
        let at = token.at;
        if self.is_down(at, now) {
            return self.refuse(&token, now);
        }
        self.numbered += 1;
        let visit = &mut self.walks[token.walk].visits[at];
        match self.path.stages[at].work {
            StageWork::Delay(SpanDistribution::Fixed(takes)) => {
                let together = self.numbered;
                token.state = State::Busy {
                    until: now + takes,
                    together,
                };
                visit.served += 1;
                self.tokens.push(token);
            }
            StageWork::Delay(_) => unreachable!("worlds draw nothing"),
            StageWork::Station(station) => {
                let waits = |it: &&Token| it.at == at && matches!(it.state, State::Waits { .. });
                let waiting = self.tokens.iter().filter(waits).count();
                let is_full = station.queue.is_some_and(|most| waiting >= most as usize);
                if self.working(at) >= station.servers as usize && is_full {
                    return self.refuse(&token, now);
                }
                self.walks[token.walk].visits[at].served += 1;
                let turn = self.numbered;
                token.state = State::Waits { since: now, turn };
                self.tokens.push(token);
                self.start(at, now);
            }
            StageWork::Model => {
                let (takes, is_answered) = (self.answer)(self.asked);
                self.asked += 1;
                self.walks[token.walk].calls += 1;
                token.state = State::Asks {
                    until: now + takes,
                    is_answered,
                };
                self.tokens.push(token);
            }
        }
    }

    fn start(&mut self, at: usize, now: Time) {
        let StageWork::Station(PathStation {
            servers,
            service: SpanDistribution::Fixed(service),
            batch,
            ..
        }) = self.path.stages[at].work
        else {
            return;
        };
        while self.working(at) < servers as usize && !self.is_down(at, now) {
            let turns = self
                .tokens
                .iter()
                .enumerate()
                .filter_map(|(place, token)| match token.state {
                    State::Waits { turn, .. } if token.at == at => Some((turn, place)),
                    _ => None,
                });
            let mut turns: Vec<(usize, usize)> = turns.collect();
            turns.sort_unstable();
            turns.truncate(batch as usize);
            if turns.is_empty() {
                return;
            }
            self.numbered += 1;
            let mut started = Vec::new();
            for &(_, place) in &turns {
                let mut token = self.tokens[place].clone();
                let State::Waits { since, .. } = token.state else {
                    unreachable!("it waits");
                };
                let visit = &mut self.walks[token.walk].visits[at];
                visit.waited = visit.waited + (now - since);
                token.state = State::Busy {
                    until: now + service,
                    together: self.numbered,
                };
                started.push(token);
            }
            let mut places: Vec<usize> = turns.iter().map(|&(_, place)| place).collect();
            places.sort_unstable();
            for &place in places.iter().rev() {
                self.tokens.remove(place);
            }
            // The first of a batch stands first.
            self.tokens.extend(started);
        }
    }

    fn note_time(&mut self, token: &Token, now: Time) {
        let visit = &mut self.walks[token.walk].visits[token.at];
        visit.time = visit.time + (now - token.since);
    }

    fn refuse(&mut self, token: &Token, now: Time) {
        self.note_time(token, now);
        let walk = token.walk;
        self.walks[walk].visits[token.at].refused += 1;
        match self.path.stages[token.at].fallback {
            PathFallback::Fail => self.end(walk, now, Some(token.at)),
            PathFallback::Skip => {
                self.walks[walk].visits[token.at].fell_back = true;
                self.leave(token, now);
            }
            PathFallback::Stage(other) => {
                self.walks[walk].visits[token.at].fell_back = true;
                self.enter(walk, token.stage, other, now);
            }
        }
    }

    fn hear(&mut self, token: &Token, is_answered: bool, now: Time) {
        if self.walks[token.walk].ended.is_some() {
            return;
        }
        if !is_answered {
            return self.refuse(token, now);
        }
        self.note_time(token, now);
        let walk = &mut self.walks[token.walk];
        walk.visits[token.at].served += 1;
        walk.answered += 1;
        if walk.calls == self.path.calls() {
            return self.leave(token, now);
        }
        let tools = self.tools_behind(None);
        let next = tools.first().copied().unwrap_or(self.path.model);
        self.enter(token.walk, next, next, now);
    }

    /// The stages between two calls, behind one of them or all.
    fn tools_behind(&self, stage: Option<usize>) -> Vec<usize> {
        let is_tool = |place: &usize| matches!(self.path.stages[*place].place, PlaceOnPath::BetweenCalls { .. });
        let all = (0..self.path.stages.len()).filter(is_tool);
        all.filter(|&place| stage.is_none_or(|stage| place > stage)).collect()
    }

    fn leave(&mut self, token: &Token, now: Time) {
        let (walk, stage) = (token.walk, token.stage);
        if matches!(self.path.stages[stage].place, PlaceOnPath::BetweenCalls { .. }) {
            let next = self
                .tools_behind(Some(stage))
                .first()
                .copied()
                .unwrap_or(self.path.model);
            return self.enter(walk, next, next, now);
        }
        if stage == self.path.model {
            self.walks[walk].left_model = Some(now);
        }
        self.walks[walk].passed[stage] = true;
        let before = |place: usize| match &self.path.stages[place].place {
            PlaceOnPath::After(before) => Some(before),
            _ => None,
        };
        let on_path: Vec<usize> = (0..self.path.stages.len()).filter(|&it| before(it).is_some()).collect();
        if on_path.iter().all(|&it| self.walks[walk].passed[it]) {
            return self.end(walk, now, None);
        }
        let ready = on_path.iter().filter(|&&it| {
            let before = before(it).unwrap();
            before.contains(&stage) && before.iter().all(|&it| self.walks[walk].passed[it])
        });
        for next in ready.copied().collect::<Vec<_>>() {
            self.enter(walk, next, next, now);
        }
    }

    fn end(&mut self, walk: usize, now: Time, failed_at: Option<usize>) {
        assert!(self.walks[walk].ended.is_none(), "a path ends once");
        self.walks[walk].ended = Some((now, failed_at));
        self.ended.push(walk);
        // Who is served is served to the end, and the model answers all the same.
        let waits = |token: &Token| token.walk == walk && matches!(token.state, State::Waits { .. });
        self.tokens.retain(|token| !waits(token));
    }
}

/// A small world whose times are whole numbers from 0 to 9, so that much happens at once.
fn world(random: &mut Xoshiro256PlusPlus) -> (RequestPath, Vec<Time>) {
    let span = |random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..10));
    let on_path = random.random_range(1..6_usize);
    let model = random.random_range(0..on_path);
    let mut stages: Vec<PathStage> = Vec::new();
    let asides = random.random_range(0..3_usize);
    let tools = random.random_range(0..3_usize);
    let all = on_path + asides + tools;
    for place in 0..all {
        let fixed = SpanDistribution::Fixed(span(random));
        let work = if place == model {
            StageWork::Model
        } else if random.random() {
            StageWork::Delay(fixed)
        } else {
            StageWork::Station(PathStation {
                servers: random.random_range(1..3),
                service: fixed,
                queue: random.random::<bool>().then(|| random.random_range(0..4)),
                batch: random.random_range(1..4),
            })
        };
        let before: Vec<usize> = (0..place.min(on_path))
            .filter(|_| random.random_range(0..3) == 0)
            .collect();
        let mut stage = stage(&format!("stage {place}"), work, &before);
        if place >= on_path + asides {
            stage.place = PlaceOnPath::BetweenCalls { result_tokens: 5 };
        } else if place >= on_path {
            stage.place = PlaceOnPath::Aside;
        }
        stage.times = random.random_range(1..4);
        if place != model && random.random() {
            let from = random.random_range(0..30);
            let first = (Time::from_picos(from), Span::from_picos(random.random_range(1..10)));
            let second = (
                Time::from_picos(from + 15),
                Span::from_picos(random.random_range(1..10)),
            );
            stage.outages = StageOutages::Planned(vec![first, second]);
        }
        // Fallbacks stand behind those whom they stand in for, so that they are in no circle.
        let later: Vec<usize> = (on_path..on_path + asides).filter(|&it| it > place).collect();
        stage.fallback = match random.random_range(0..3) {
            0 => PathFallback::Fail,
            1 if !later.is_empty() => PathFallback::Stage(later[random.random_range(0..later.len())]),
            _ => PathFallback::Skip,
        };
        stages.push(stage);
    }
    let mut arrivals: Vec<u64> = (0..random.random_range(1..25))
        .map(|_| random.random_range(0..40))
        .collect();
    arrivals.sort_unstable();
    (
        path_of(stages, model),
        arrivals.into_iter().map(Time::from_picos).collect(),
    )
}

fn plain(path: &EndedPath) -> impl PartialEq + std::fmt::Debug + use<> {
    let ended = (path.ended, path.failed_at);
    (
        path.arrival,
        ended,
        path.visits.clone(),
        path.left_model,
        path.answered.len(),
    )
}

#[test]
fn stages_do_what_their_readable_twin_does() {
    let (mut degraded, mut failed, mut whole) = (0, 0, 0);
    for number in 0..WORLDS {
        let mut random = stream(number, "path world");
        let (path, arrivals) = world(&mut random);
        let answer = move |call: u64| {
            let drawn = mix(call ^ mix(number));
            (Span::from_picos(drawn % 10), !drawn.is_multiple_of(7))
        };
        let mut asked = Asked::at(arrivals.clone());
        let (ended, _) = drive(&mut asked, &path, 1, &answer);
        let twin = Twin {
            path: &path,
            answer: &answer,
            walks: Vec::new(),
            tokens: Vec::new(),
            now: Time::ZERO,
            asked: 0,
            numbered: 0,
            ended: Vec::new(),
        };
        let expected = twin.run(&arrivals);
        let expected = expected.iter().map(|it| {
            let ended = it.ended.unwrap();
            (it.arrival, ended, it.visits.clone(), it.left_model, it.answered)
        });
        for (place, (found, expected)) in ended.iter().zip(expected.clone()).enumerate() {
            let found = format!("{:?}", plain(found));
            assert_eq!(found, format!("{expected:?}"), "path {place} of world {number}");
        }
        // Every request ends once, with an answer or without.
        assert_eq!(ended.len(), arrivals.len());
        let mut ids: Vec<u64> = asked.ended.iter().map(|(id, ..)| id.0).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..arrivals.len() as u64).collect::<Vec<_>>());
        let unanswered = asked.ended.iter().filter(|(_, _, is_answered)| !is_answered).count();
        assert_eq!(unanswered, ended.iter().filter(|path| path.failed_at.is_some()).count());
        failed += unanswered;
        degraded += ended
            .iter()
            .filter(|it| it.failed_at.is_none() && it.is_degraded())
            .count();
        whole += ended
            .iter()
            .filter(|it| it.failed_at.is_none() && !it.is_degraded())
            .count();
    }
    assert!(
        degraded > 500 && failed > 500 && whole > 500,
        "{degraded}, {failed}, {whole}"
    );
}
