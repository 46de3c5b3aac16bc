//! Sessions: each turn repeats what was said and comes a while after the answer, drawn at random or read from a trace.

use tailcast::engine::{self, Event, Finished, Observer, ServerSettings, StepRun};
use tailcast::fleet::replay;
use tailcast::policy::{ContinuousSettings, NoBatching, PolicySettings};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::trace::{Replay, info, open};
use tailcast::workload::{
    Arrivals, ClosedStart, ContentId, LengthDistribution, Lengths, PoolOrder, PromptPool, Request, RequestId, Session,
    SharedPrefix, Source, Synthetic, Think,
};

use crate::sharing::{shared, tokens_of};
use crate::traces::Folder;
use crate::worlds::{Stream, policy_names, world};

fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

fn arrivals_s(requests: &[Request]) -> Vec<f64> {
    requests.iter().map(|request| request.arrival.seconds()).collect()
}

/// Sessions of `turns` turns whose messages have 100 tokens and whose answers 10, with pauses of 10 s.
fn sessions(arrivals: Arrivals, turns: u32) -> Synthetic {
    Synthetic {
        session: Some(Session {
            turns: Lengths::fixed(turns),
            think: Think::Fixed(seconds(10.0)),
        }),
        ..Synthetic::new(arrivals, Lengths::fixed(100), Lengths::fixed(10))
    }
}

fn closed(concurrency: u32, think_s: f64) -> Arrivals {
    Arrivals::Closed {
        concurrency,
        think: Think::Fixed(seconds(think_s)),
        start: ClosedStart::Together,
    }
}

/// Serves every request in 5 s, whatever else there is; rejects those whose prompt is longer than `longest`.
fn serve(mut source: impl Source, longest: u32) -> Vec<Request> {
    let mut served = Vec::new();
    let mut running: std::collections::VecDeque<(Time, RequestId)> = [].into();
    loop {
        let arrival = source.next_arrival().unwrap();
        if let Some(&(end, id)) = running.front()
            && arrival.is_none_or(|arrival| end <= arrival)
        {
            running.pop_front();
            source.finished(id, end);
        } else if let Some(arrival) = arrival {
            let request = source.take();
            assert_eq!(request.arrival, arrival);
            assert_eq!(request.id, RequestId(served.len() as u64));
            if request.prompt.tokens() > longest {
                source.rejected(request.id, arrival);
            } else {
                running.push_back((arrival + seconds(5.0), request.id));
            }
            served.push(request);
        } else {
            return served;
        }
    }
}

#[test]
fn a_turn_arrives_its_pause_after_the_answer_before() {
    let mut workload = sessions(Arrivals::Constant { rate_per_s: 0.5 }, 3);
    workload.duration = Some(seconds(3.0));
    assert_eq!(workload.validate(), Ok(()));
    let source = workload.source(1);
    assert!(source.is_closed_loop());
    let requests = serve(source, u32::MAX);
    assert_eq!(arrivals_s(&requests), [0.0, 2.0, 15.0, 17.0, 30.0, 32.0]);
    let prompts: Vec<u32> = requests.iter().map(|one| one.prompt.tokens()).collect();
    assert_eq!(prompts, [100, 100, 210, 210, 320, 320]);
}

#[test]
fn a_turn_repeats_its_session_and_nothing_else() {
    let mut workload = sessions(Arrivals::AtOnce, 4);
    workload.requests = Some(8);
    workload.arrivals = closed(2, 0.0);
    let requests = serve(workload.source(1), u32::MAX);
    for (place, one) in requests.iter().enumerate() {
        for (later, other) in requests.iter().enumerate().skip(place + 1) {
            let is_same_session = place % 2 == later % 2;
            let expected = if is_same_session {
                one.prompt.tokens() as usize
            } else {
                0
            };
            assert_eq!(shared(&one.prompt, &other.prompt), expected);
        }
    }
    let (first, second) = (&requests[0], &requests[2]);
    let answer: Vec<_> = (0..10).map(|place| (ContentId::output_of(first.id), place)).collect();
    assert_eq!(tokens_of(&second.prompt)[100..110], answer);
    assert_eq!(first.output_name.content, ContentId::output_of(RequestId(0)));
    let said_again: Vec<bool> = requests.iter().map(|one| one.output_is_shared).collect();
    assert_eq!(
        said_again,
        [true, true, true, true, true, true, false, false],
        "nobody repeats the last answer"
    );
}

#[test]
fn sessions_may_start_with_a_system_prompt() {
    let mut workload = sessions(closed(4, 0.0), 2);
    workload.requests = Some(8);
    workload.prefix = Some(SharedPrefix {
        pool: 1,
        tokens: Lengths::fixed(500),
        popularity: 0.0,
    });
    let requests = serve(workload.source(1), u32::MAX);
    assert_eq!(shared(&requests[0].prompt, &requests[1].prompt), 500);
    assert_eq!(shared(&requests[0].prompt, &requests[5].prompt), 500);
    assert_eq!(requests[4].prompt.tokens(), 500 + 100 + 10 + 100);
}

#[test]
fn a_rejected_turn_ends_its_session() {
    let mut workload = sessions(Arrivals::Constant { rate_per_s: 1.0 }, 50);
    workload.duration = Some(seconds(2.0));
    // 100, 210 and 320 fit, 430 does not.
    assert_eq!(serve(workload.source(1), 400).len(), 8);
    // A client whose session ends this way starts the next.
    let mut workload = sessions(closed(1, 1.0), 50);
    workload.requests = Some(6);
    let requests = serve(workload.source(1), 300);
    assert_eq!(
        arrivals_s(&requests),
        [0.0, 15.0, 30.0, 31.0, 46.0, 61.0],
        "the third and the sixth are rejected"
    );
}

#[test]
fn clients_of_a_closed_loop_hold_one_session_each() {
    let mut workload = sessions(closed(2, 3.0), 2);
    workload.requests = Some(8);
    let requests = serve(workload.source(1), u32::MAX);
    assert_eq!(arrivals_s(&requests), [0.0, 0.0, 15.0, 15.0, 23.0, 23.0, 38.0, 38.0]);
}

#[test]
fn outputs_are_cut_before_they_are_repeated() {
    let mut workload = sessions(closed(1, 0.0), 2);
    workload.requests = Some(2);
    workload.max_tokens = Some(4);
    let requests = serve(workload.source(1), u32::MAX);
    assert_eq!(requests[0].output_tokens, 4);
    assert_eq!(requests[1].prompt.tokens(), 204);
}

/// Sessions whose every setting is drawn.
fn varied(arrivals: Arrivals, mean_think: Span) -> Synthetic {
    let lengths = |min, max| Lengths::new(LengthDistribution::Uniform { min, max });
    Synthetic {
        session: Some(Session {
            turns: lengths(1, 6),
            think: Think::Exponential { mean: mean_think },
        }),
        ..Synthetic::new(arrivals, lengths(1, 9), lengths(1, 9))
    }
}

#[test]
fn what_is_said_does_not_depend_on_the_server() {
    let mut workload = varied(Arrivals::Poisson { rate_per_s: 2.0 }, seconds(3.0));
    workload.duration = Some(seconds(500.0));
    let said = |longest_queue: bool| {
        let mut source = workload.source(9);
        let mut turns = Vec::new();
        let mut requests = 0;
        while source.next_arrival().unwrap().is_some() {
            let request = source.take();
            requests += 1;
            let pause = if longest_queue && requests % 3 == 0 { 50.0 } else { 0.1 };
            source.finished(request.id, request.arrival + seconds(pause));
            let lengths: Vec<u32> = request
                .prompt
                .segments()
                .unwrap()
                .iter()
                .map(|segment| segment.tokens)
                .collect();
            turns.push((lengths, request.output_tokens));
        }
        turns.sort_unstable();
        turns
    };
    assert_eq!(said(true), said(false));
    let turns = said(false).len() as f64;
    assert!((3000.0..4000.0).contains(&turns), "{turns}, not 1000 * 3.5");
}

#[test]
fn users_think_as_long_as_they_are_said_to() {
    let mut workload = varied(closed(1, 0.0), seconds(4.0));
    workload.session.as_mut().unwrap().turns = Lengths::fixed(10_000);
    workload.prompt = Lengths::fixed(1);
    workload.requests = Some(5000);
    let mut source = workload.source(9);
    let mut last = Time::ZERO;
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        last = request.arrival;
        source.finished(request.id, request.arrival);
    }
    let mean = last.seconds() / 4999.0;
    assert!((mean - 4.0).abs() < 0.2, "{mean}");
}

/// Arrivals, first tokens and ends as an engine tells them [us], and tokens found in the prefix cache.
#[derive(Default)]
struct Told {
    times: Vec<(u64, u64, u64)>,
    cached: Vec<u32>,
}

impl Observer for Told {
    fn on(&mut self, at: Time, _id: RequestId, event: &Event) {
        if let Event::Finished(Finished {
            arrival,
            first_token,
            cached_tokens,
            ..
        }) = event
        {
            let micros = [*arrival, *first_token, at].map(|time| time.picos() / 1_000_000);
            self.times.push(micros.into());
            self.cached.push(*cached_tokens);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

fn told(policy: &PolicySettings, workload: &Synthetic) -> Told {
    let settings = ServerSettings {
        policy: policy.clone(),
        kv_blocks: 64,
        block_tokens: 16,
        max_model_len: 1000,
        kv_groups: None,
    };
    let step_time = Affine {
        base: Span::from_micros(8000),
        per_token: Span::from_micros(20),
        per_sequence: Span::from_micros(30),
    };
    let [slow, fast] = [engine::reference, engine::fast].map(|make| {
        let mut told = Told::default();
        let mut engine = make(&settings, Box::new(step_time));
        replay(&mut engine, &mut workload.source(1), &mut told).unwrap();
        told
    });
    assert_eq!((&slow.times, &slow.cached), (&fast.times, &fast.cached));
    fast
}

#[test]
fn both_engines_serve_a_session_as_worked_out_on_paper() {
    let mut workload = sessions(closed(1, 0.0), 2);
    workload.requests = Some(2);
    workload.output = Lengths::fixed(3);
    let told = told(&PolicySettings::None(NoBatching), &workload);
    // Prompts of 100 and of 100 + 3 + 100 tokens, then two steps of one token.
    let first = (0, 8000 + 2000 + 30, 10_030 + 2 * 8050);
    let arrival = first.2 + 10_000_000;
    let second = arrival + 8000 + 4060 + 30;
    assert_eq!(told.times, [first, (arrival, second, second + 2 * 8050)]);
}

#[test]
fn a_turn_finds_the_whole_blocks_of_its_session_in_the_cache() {
    let policy = PolicySettings::Continuous(ContinuousSettings {
        prefix_caching: true,
        ..ContinuousSettings::new(8, 2048)
    });
    let mut workload = sessions(closed(1, 0.0), 3);
    workload.requests = Some(6);
    // The last token of an answer is never computed: 109, then 219 tokens are in the cache, in blocks of 16.
    assert_eq!(told(&policy, &workload).cached, [0, 96, 208, 0, 96, 208]);
    workload.prefix = Some(SharedPrefix {
        pool: 1,
        tokens: Lengths::fixed(50),
        popularity: 0.0,
    });
    assert_eq!(told(&policy, &workload).cached, [0, 144, 256, 48, 144, 256]);
    workload.session = None;
    assert_eq!(told(&policy, &workload).cached, [0, 48, 48, 48, 48, 48]);
    workload.prompt_pool = Some(PromptPool {
        size: 2,
        order: PoolOrder::Cycle,
    });
    assert_eq!(told(&policy, &workload).cached, [0, 48, 144, 144, 144, 144]);
}

#[test]
fn both_engines_tell_the_same_of_sessions() {
    for policy in policy_names() {
        let (mut turns, mut rejections) = (0, 0);
        for seed in 0..150 {
            let world = world(policy, seed);
            let mut workload = match seed % 3 {
                0 => varied(closed(world.clients as u32, 0.0), world.think),
                1 => varied(Arrivals::Poisson { rate_per_s: 50_000.0 }, world.think),
                _ => varied(Arrivals::AtOnce, Span::ZERO),
            };
            workload.requests = Some(40);
            workload.prefix = (seed % 2 == 0).then(|| SharedPrefix {
                pool: 2,
                tokens: Lengths::fixed(1 + seed as u32 % 9),
                popularity: 1.0,
            });
            let [slow, fast] = [engine::reference, engine::fast].map(|make| {
                let mut engine = make(&world.settings, Box::new(world.step_time.clone()));
                let mut stream = Stream::default();
                replay(&mut engine, &mut workload.source(seed), &mut stream).unwrap();
                stream.heard
            });
            assert_eq!(slow, fast, "policy {policy}, world {seed}");
            for heard in slow {
                if let crate::worlds::Heard::Event { event, .. } = heard {
                    turns += u32::from(matches!(event, Event::Finished(_)));
                    rejections += u32::from(event == Event::Rejected);
                }
            }
        }
        assert!(turns > 2000 && rejections > 50, "{turns}, {rejections}");
    }
}

const HEADER: &str = "arrival_s,input_tokens,output_tokens,session,after_s,segments\n";
const ROWS: &str = "0,100,10,a,,\n\
                    5,50,10,,,\n\
                    ,210,10,a,3,\n\
                    6,70,5,b,,\n\
                    7,320,10,a,1.5,\n\
                    100,20,5,b,,\n\
                    ,90,5,b,2,\n";

fn served_trace(text: &str, longest: u32, change: impl FnOnce(&mut Replay)) -> Vec<(f64, u32)> {
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let mut replay = Replay::new(path);
    change(&mut replay);
    let source = open(&replay).unwrap();
    assert!(source.is_closed_loop());
    let served = serve(source, longest);
    let requests = served.iter();
    requests
        .map(|one| (one.arrival.seconds(), one.prompt.tokens()))
        .collect()
}

#[test]
fn rows_of_a_trace_follow_the_row_before_in_their_session() {
    let text = format!("{HEADER}{ROWS}");
    let all = [
        (0.0, 100),
        (5.0, 50),
        (6.0, 70),
        (8.0, 210),
        (14.5, 320),
        (100.0, 20),
        (107.0, 90),
    ];
    assert_eq!(served_trace(&text, u32::MAX, |_| {}), all);
    let limited = served_trace(&text, u32::MAX, |replay| replay.limit = Some(4));
    assert_eq!(limited, all[..4]);
    let fast = served_trace(&text, u32::MAX, |replay| replay.speedup = 2.0);
    let faster = [0.0, 2.5, 3.0, 8.0, 14.5, 50.0, 57.0];
    assert_eq!(fast.iter().map(|row| row.0).collect::<Vec<_>>(), faster);
    // Nobody follows a rejected row, or one that is left out.
    let rejected = served_trace(&text, 205, |_| {});
    assert_eq!(
        rejected.iter().map(|row| row.1).collect::<Vec<_>>(),
        [100, 50, 70, 210, 20, 90]
    );
    let late = served_trace(&text, u32::MAX, |replay| replay.start = seconds(1.0));
    assert_eq!(late, [(0.0, 50), (1.0, 70), (95.0, 20), (102.0, 90)]);
    let mut lines: Vec<&str> = ROWS.lines().collect();
    lines.swap(0, 1);
    lines.swap(1, 3);
    let shuffled = format!("{HEADER}{}\n", lines.join("\n"));
    let error = crate::traces::replay_text(&shuffled, |_| {}).unwrap_err();
    assert!(error.to_string().contains(":4:5: after_s: \"3\" has no earlier row"));
    lines.swap(2, 3);
    let shuffled = format!("{HEADER}{}\n", lines.join("\n"));
    assert_eq!(served_trace(&shuffled, u32::MAX, |replay| replay.sort = true), all);
}

#[test]
fn mooncake_rows_with_a_delay_follow_the_row_before_in_their_session() {
    let text = r#"{"session_id": "s", "timestamp": 1000, "input_length": 600, "output_length": 5, "hash_ids": [7, 8]}
{"session_id": 4, "timestamp": 2000, "input_length": 5, "output_length": 5}
{"session_id": "s", "delay": 250, "input_length": 1024, "output_length": 6, "hash_ids": [7, 9]}
{"timestamp": 3000, "input_length": 9, "output_length": 5}
"#;
    assert_eq!(
        served_trace(text, u32::MAX, |_| {}),
        [(0.0, 600), (1.0, 5), (2.0, 9), (5.25, 1024)]
    );
}

#[test]
fn rows_that_repeat_the_answer_of_a_follower_find_it() {
    let text = format!(
        "{HEADER}0,10,5,a,,m1:10\n0.1,7,5,,,x:7\n,25,5,a,1,m1:10;out.0:5;m2:10\n\
         ,50,5,a,1,m1:10;out.0:5;m2:10;out.2:5;m3:20\n"
    );
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let served = serve(open(&Replay::new(&path)).unwrap(), u32::MAX);
    let [one, _, two, three] = &served[..] else {
        panic!("{served:?}");
    };
    assert!(served.iter().all(|request| request.output_is_shared));
    assert_eq!(shared(&one.prompt, &two.prompt), 10);
    assert_eq!(shared(&two.prompt, &three.prompt), 25);
    let third = three.prompt.segments().unwrap();
    assert_eq!(third[1].content, one.output_name.content);
    assert_eq!(third[3].content, two.output_name.content);
    let info = info(&Replay::new(&path)).unwrap();
    assert_eq!((info.requests, info.span), (4, seconds(2.0)));
}

#[test]
fn a_session_without_followers_is_but_a_label() {
    let text = "arrival_s,input_tokens,output_tokens,session\n0,5,5,s1\n1,6,5,s1\n";
    let requests = crate::traces::replay_text(text, |_| {}).unwrap();
    assert_eq!(arrivals_s(&requests), [0.0, 1.0]);
    assert!(requests.iter().all(|request| !request.output_is_shared));
}
