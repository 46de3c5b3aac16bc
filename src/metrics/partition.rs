//! Requests of a run told apart by a number that each is sent with: its priority, or its turn in a session.

use rustc_hash::FxHashMap;

use super::client::{
    LatencyDistributions, LatencyMeter, LatencySummary, Requests, RequestsMeter, ServedTotal, ThroughputMeter,
};
use super::meter::{Durations, HeardEvent, Meter, ServedRequest, Total, WholeRun};
use super::meters::{ClientMeters, ClientTotals, Summary};
use super::population::Counts;
use super::whole_crowd;
use crate::engine::Event;
use crate::workload::{Request, RequestId};

/// Groups that are told by themselves; requests of later ones are told together.
pub const MOST_GROUPS: u8 = 16;

/// Requests by a number of theirs. As long as all have the same, what is heard of all is what is heard of that group,
/// and nothing is done here: a run without priorities and sessions costs a comparison a request.
#[derive(Default)]
pub(super) struct Partition {
    /// The number of the first request, and of all up to the first that has another.
    first: Option<i32>,
    /// From that one on, each group by itself.
    books: Option<Box<GroupBooks>>,
}

struct GroupBooks {
    /// In the order in which they appeared. Whoever is in no other is of the first.
    groups: Vec<GroupMeters>,
    /// Requests of all groups but the first until they have ended; never iterated over.
    members: FxHashMap<RequestId, Member>,
}

/// A request that has not ended, or of which attempts are left.
struct Member {
    group: usize,
    /// Attempts of it that are in a server, or wait for one.
    attempts: u32,
    has_ended: bool,
}

struct GroupMeters {
    /// What its requests have in common; `None` of the rest.
    number: Option<i32>,
    requests: RequestsMeter,
    latency: LatencyMeter,
    throughput: ThroughputMeter,
    counts: Counts,
}

/// What was heard of each group, in one run or in several pooled.
#[derive(Clone, Debug)]
pub(super) struct PartitionTotals {
    first: Option<i32>,
    /// None if all requests had the same number.
    groups: Vec<GroupTotals>,
}

#[derive(Clone, Debug)]
struct GroupTotals {
    number: Option<i32>,
    requests: Requests,
    latency: LatencyDistributions,
    served: ServedTotal,
}

impl Partition {
    /// A request with this number is sent; `whole` are the meters of all requests, of which so many wait and run.
    #[inline(always)]
    pub(super) fn sent(&mut self, request: &Request, number: i32, whole: &ClientMeters, counts: Counts) {
        if self.books.is_none() && self.first.is_none_or(|first| first == number) {
            self.first = Some(number);
            return;
        }
        self.sent_apart(request, number, whole, counts);
    }

    #[inline(never)]
    fn sent_apart(&mut self, request: &Request, number: i32, whole: &ClientMeters, counts: Counts) {
        let first = self.first;
        let books = self
            .books
            .get_or_insert_with(|| Box::new(GroupBooks::after(first, whole, counts)));
        books.sent(request, number);
    }

    #[inline(always)]
    pub(super) fn on(&mut self, heard: &HeardEvent<'_>) {
        if let Some(books) = &mut self.books {
            books.on(heard);
        }
    }

    pub(super) fn finished(&mut self, id: RequestId, request: &ServedRequest<'_>) {
        if let Some(books) = &mut self.books {
            books.finished(id, request);
        }
    }

    pub(super) fn finish(self, run: &WholeRun) -> PartitionTotals {
        let groups = self.books.map_or_else(Vec::new, |books| books.groups);
        PartitionTotals {
            first: self.first,
            groups: groups.into_iter().map(|group| group.finish(run)).collect(),
        }
    }
}

impl GroupBooks {
    /// All requests so far have the number `first`.
    fn after(first: Option<i32>, whole: &ClientMeters, counts: Counts) -> Self {
        let of_first = GroupMeters {
            number: first,
            requests: whole.requests.clone(),
            latency: whole.latency.clone(),
            throughput: whole.throughput.clone(),
            counts,
        };
        Self {
            groups: vec![of_first],
            members: FxHashMap::default(),
        }
    }

    fn sent(&mut self, request: &Request, number: i32) {
        let group = self.place_of(number);
        if group > 0 {
            let member = Member {
                group,
                attempts: 0,
                has_ended: false,
            };
            self.members.insert(request.id, member);
        }
        self.groups[group].requests.sent(request);
    }

    /// The place of the group with this number, which is new if there was none.
    fn place_of(&mut self, number: i32) -> usize {
        let place = |groups: &[GroupMeters], number| groups.iter().position(|group| group.number == number);
        if let Some(place) = place(&self.groups, Some(number)) {
            return place;
        }
        let number = (self.groups.len() < MOST_GROUPS.into()).then_some(number);
        place(&self.groups, number).unwrap_or_else(|| {
            let new = self.groups[0].like_it(number);
            self.groups.push(new);
            self.groups.len() - 1
        })
    }

    fn on(&mut self, heard: &HeardEvent<'_>) {
        // Gaps between tokens are not known of groups.
        if matches!(heard.event, Event::FirstToken | Event::Token { .. }) {
            return;
        }
        let mut place = 0;
        if let Some(member) = self.members.get_mut(&heard.id) {
            place = member.group;
            member.hear(heard.event);
            // One that finishes is told of once more.
            if member.is_gone() && !matches!(heard.event, Event::Finished(_)) {
                self.members.remove(&heard.id);
            }
        }
        let group = &mut self.groups[place];
        group.counts.hear(heard.event);
        group.requests.on(heard);
    }

    fn finished(&mut self, id: RequestId, request: &ServedRequest<'_>) {
        let member = self.members.get(&id);
        let group = &mut self.groups[member.map_or(0, |member| member.group)];
        group.requests.finished(request);
        group.latency.finished(request);
        group.throughput.finished(request);
        if member.is_some_and(Member::is_gone) {
            self.members.remove(&id);
        }
    }
}

impl Member {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Arrived { .. } | Event::SentAgain { .. } => self.attempts += 1,
            Event::Finished(_) | Event::Aborted { .. } | Event::Lost { .. } => self.attempts -= 1,
            _ => {}
        }
        self.has_ended |= event.ends_request() || matches!(event, Event::Rejected);
    }

    const fn is_gone(&self) -> bool {
        self.has_ended && self.attempts == 0
    }
}

impl GroupMeters {
    /// Meters that have heard nothing yet.
    fn like_it(&self, number: Option<i32>) -> Self {
        Self {
            number,
            requests: self.requests.emptied(),
            latency: LatencyMeter::default(),
            throughput: self.throughput.emptied(),
            counts: Counts::default(),
        }
    }

    fn finish(self, run: &WholeRun) -> GroupTotals {
        let of_group = WholeRun {
            at_end: self.counts,
            ..run.clone()
        };
        GroupTotals {
            number: self.number,
            requests: self.requests.finish(&of_group),
            latency: self.latency.finish(&of_group),
            served: self.throughput.finish(&of_group),
        }
    }
}

impl PartitionTotals {
    /// Adds another run; `mine` and `theirs` are what was heard of all requests in these and in that one.
    pub(super) fn pool(&mut self, mine: &ClientTotals, other: &Self, theirs: &ClientTotals) {
        let is_one_group = self.groups.is_empty() && other.groups.is_empty();
        if is_one_group && (self.first == other.first || self.first.is_none() || other.first.is_none()) {
            self.first = self.first.or(other.first);
            return;
        }
        self.groups = self.or_all(mine);
        for theirs in other.or_all(theirs) {
            match self.groups.iter_mut().find(|mine| mine.number == theirs.number) {
                Some(mine) => mine.pool(&theirs),
                None => self.groups.push(theirs),
            }
        }
    }

    /// The groups, or the one of all requests.
    fn or_all(&self, all: &ClientTotals) -> Vec<GroupTotals> {
        if !self.groups.is_empty() {
            return self.groups.clone();
        }
        let of_all = self.first.map(|number| GroupTotals {
            number: Some(number),
            requests: all.requests,
            latency: all.latency.clone(),
            served: all.throughput.clone(),
        });
        of_all.into_iter().collect()
    }

    /// Whether nothing is told apart.
    pub(super) const fn is_one_group(&self) -> bool {
        self.groups.is_empty()
    }

    /// What is reported of each group, the rest last, beside the numbers of `all`; nothing of a single group.
    pub(super) fn report(&self, all: &Summary, durations: &Durations) -> Vec<(Option<i32>, Summary)> {
        let groups = self.groups.iter();
        let mut reports: Vec<_> = groups
            .map(|group| (group.number, group.summary(all, durations)))
            .collect();
        reports.sort_by_key(|(number, _)| (number.is_none(), *number));
        reports
    }
}

impl GroupTotals {
    fn pool(&mut self, other: &Self) {
        self.requests.pool(&other.requests);
        self.latency.pool(&other.latency);
        self.served.pool(&other.served);
    }

    fn summary(&self, all: &Summary, durations: &Durations) -> Summary {
        let mut summary = Summary {
            requests: self.requests.section(durations),
            latency: self.latency.section(durations),
            throughput: self.served.section(durations),
            is_met: None,
            of_classes: None,
            ..*all
        };
        whole_crowd::add_quantiles(&mut summary, &self.latency);
        summary.latency.itl = LatencySummary::default();
        // Where there is a cache.
        summary.kv.prefix_hit_ratio = all.kv.prefix_hit_ratio.and(self.served.cached_share());
        summary
    }
}
