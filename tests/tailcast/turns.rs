//! What routers and clients ask of a server: both engines say the same of what is in it and what its cache holds, and
//! nobody finishes before the next turn that it announces.

use tailcast::engine::{self, Engine, Event, Observer, Server, StepRun, Turn};
use tailcast::units::Time;
use tailcast::workload::RequestId;

use crate::worlds::{World, policy_names, world, worlds_per_policy};

#[test]
fn both_engines_say_the_same_of_what_is_in_them() {
    let mut with_cached = 0;
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let mut slow = engine::reference(&world.settings, Box::new(world.step_time.clone()));
            let mut fast = engine::fast(&world.settings, Box::new(world.step_time.clone()));
            for request in &world.requests {
                for server in [&mut slow, &mut fast] {
                    server.advance(request.arrival, &mut Finishes::default());
                }
                let place = format!("{policy}, seed {seed}, {:?}", request.id);
                assert_eq!(slow.load(), fast.load(), "{place}");
                let load = fast.load();
                assert_eq!(u64::from(load.waiting + load.running), fast.in_server(), "{place}");
                let [cached, also] = [&slow, &fast].map(|server| server.cached_tokens(request));
                assert_eq!(cached, also, "{place}");
                assert!(cached < request.prompt.tokens(), "{place}: a token is left to compute");
                with_cached += u64::from(cached > 0);
                for server in [&mut slow, &mut fast] {
                    server.submit(request.clone(), &mut Finishes::default());
                }
            }
        }
    }
    assert!(
        with_cached > worlds_per_policy(),
        "the caches are asked for what they hold"
    );
}

#[test]
fn nobody_finishes_before_the_turn_that_is_announced() {
    hold_to(Server::next_turn);
}

#[test]
fn nobody_leaves_before_it_is_announced() {
    hold_to(Server::next_leave);
}

/// Each engine in each world keeps to what it announces.
fn hold_to(announced: fn(&Server) -> Option<Turn>) {
    let (mut turns, mut far, mut quiet_runs) = (0, 0, 0);
    for policy in policy_names() {
        for seed in 0..2 * worlds_per_policy() {
            let world = world(policy, seed);
            for make in [engine::reference, engine::fast] {
                let mut server = make(&world.settings, Box::new(world.step_time.clone()));
                let next_arrivals = world.requests.iter().skip(1).map(|next| next.arrival);
                let next_arrivals = next_arrivals.chain([Time::LIMIT]);
                for (request, next_arrival) in world.requests.iter().zip(next_arrivals) {
                    let place = format!("{policy}, seed {seed}, {:?}", request.id);
                    (turns, far) = follow_turns(&mut server, announced, request.arrival, (turns, far), &place);
                    let quiet = server.quiet_run();
                    server.advance(request.arrival, &mut Finishes::default());
                    server.submit(request.clone(), &mut Finishes::default());
                    let mut reached = request.arrival;
                    if let Some(quiet) = quiet.filter(|_| seed % 4 > 0) {
                        reached = quiet.quiet_until(request.arrival).min(next_arrival);
                        let mut finishes = Finishes::default();
                        server.advance(reached, &mut finishes);
                        let is_quiet = finishes.0.iter().all(|finish| *finish >= reached);
                        assert!(is_quiet, "{place}: {:?} are before {reached:?}", finishes.0);
                        quiet_runs += 1;
                    }
                    if seed % 2 == 0 {
                        server.abort(RequestId(request.id.0 / 2), request.arrival);
                    }
                    // Now and then nobody is left behind the steps in flight.
                    if seed % 2 == 1 && request.id.0 % 3 == 0 {
                        let later = Time::from_picos(reached.picos() + seed % 7).min(next_arrival);
                        (turns, far) = follow_turns(&mut server, announced, later, (turns, far), &place);
                        server.advance(later, &mut Finishes::default());
                        (0..=request.id.0).for_each(|id| server.abort(RequestId(id), later));
                    }
                }
                let place = format!("{policy}, seed {seed}, the end");
                (turns, far) = follow_turns(&mut server, announced, Time::LIMIT, (turns, far), &place);
                assert_eq!(announced(&server), None, "{place}");
            }
        }
    }
    assert!(quiet_runs > worlds_per_policy(), "only {quiet_runs} runs are quiet");
    assert!(
        far > 10 * worlds_per_policy(),
        "leaps are announced to their end: {far} of {turns}"
    );
}

/// Goes from turn to turn up to `until`; counts the turns, and those that lie beyond the next event.
fn follow_turns(
    server: &mut Server,
    announced: fn(&Server) -> Option<Turn>,
    until: Time,
    so_far: (u64, u64),
    place: &str,
) -> (u64, u64) {
    let (mut turns, mut far) = so_far;
    while let Some(turn) = announced(server) {
        if turn >= Turn::end(until) {
            break;
        }
        turns += 1;
        far += u64::from(server.next_event().is_some_and(|next| turn.at > next));
        hold_blocks_until(server, turn, place);
        let mut finishes = Finishes::default();
        // The decision at an instant is taken on the way to a later one.
        let next = match turn {
            Turn { at, .. } if turn == Turn::end(at) => at,
            Turn { at, .. } => Time::from_picos(at.picos() + 1).min(until),
        };
        while server.advance_to_finish(next, &mut finishes) {}
        for &finish in &finishes.0 {
            assert!(finish >= turn.at, "{place}: a finish at {finish:?} before {turn:?}");
        }
    }
    (turns, far)
}

/// Goes on to just before a turn; no fewer blocks are in use on the way.
fn hold_blocks_until(server: &mut Server, turn: Turn, place: &str) {
    let (Some(next), Some(before)) = (server.next_event(), turn.at.picos().checked_sub(1)) else {
        return;
    };
    let before = Time::from_picos(before);
    if before <= next || Some(turn) != server.next_turn() {
        return;
    }
    // Halfway as well, as blocks that one gives up another may take.
    let between = [next.picos() + (before.picos() - next.picos()) / 2, before.picos()];
    for instant in between.map(Time::from_picos) {
        let used = server.load().used_blocks;
        server.advance(instant, &mut Finishes::default());
        let now_used = server.load().used_blocks;
        assert!(
            now_used >= used,
            "{place}: {now_used} blocks, not {used}, before {turn:?}"
        );
    }
}

/// When requests finish.
#[derive(Default)]
struct Finishes(Vec<Time>);

impl Observer for Finishes {
    fn on(&mut self, at: Time, _id: RequestId, event: &Event) {
        if let Event::Finished(_) = event {
            self.0.push(at);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

#[test]
fn an_idle_server_announces_nothing() {
    let World {
        settings, step_time, ..
    } = world("continuous", 1);
    let server = engine::fast(&settings, Box::new(step_time));
    assert_eq!(server.next_turn(), None);
}
