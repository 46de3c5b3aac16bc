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
    let (mut turns, mut far) = (0, 0);
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            for make in [engine::reference, engine::fast] {
                let mut server = make(&world.settings, Box::new(world.step_time.clone()));
                for request in &world.requests {
                    let place = format!("{policy}, seed {seed}, {:?}", request.id);
                    (turns, far) = follow_turns(&mut server, request.arrival, (turns, far), &place);
                    server.advance(request.arrival, &mut Finishes::default());
                    server.submit(request.clone(), &mut Finishes::default());
                    if let Some(timeout) = world.timeout.filter(|timeout| timeout.picos() % 3 == 0) {
                        assert!(timeout.picos() < 1 << 40);
                        server.abort(RequestId(request.id.0 / 2), request.arrival);
                    }
                }
                let place = format!("{policy}, seed {seed}, the end");
                (turns, far) = follow_turns(&mut server, Time::LIMIT, (turns, far), &place);
                assert_eq!(server.next_turn(), None, "{place}");
            }
        }
    }
    assert!(
        far > 10 * worlds_per_policy(),
        "leaps are announced to their end: {far} of {turns}"
    );
}

/// Goes from turn to turn up to `until`; counts the turns, and those that lie beyond the next event.
fn follow_turns(server: &mut Server, until: Time, so_far: (u64, u64), place: &str) -> (u64, u64) {
    let (mut turns, mut far) = so_far;
    while let Some(turn) = server.next_turn() {
        if turn >= Turn::end(until) {
            break;
        }
        turns += 1;
        far += u64::from(server.next_event().is_some_and(|next| turn.at > next));
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
