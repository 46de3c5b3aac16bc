//! Searches for the cheapest fleet: all kinds of servers roughly, but for those that cannot be the cheapest, and the
//! cheapest of them with care.

use std::cmp::Ordering;

use super::list::{NotTried, Purchase, ShoppingList};
use super::load::{BusiestHour, LoadToCarry};
use super::offer::Offer;
use crate::config::Flag;
use crate::study::production::question::{Answered, ProductionQuestion, answered};
use crate::study::{Capacity, CapacitySearch, FewestServers, Next, ServersSearch, Stopped};

/// Which servers should be bought?
pub struct ShoppingQuestion<'a> {
    /// The scenario, and how it is simulated.
    pub production: &'a ProductionQuestion<'a>,
    /// What could be bought.
    pub list: &'a ShoppingList,
    /// Requests of a run of the scenario's own.
    pub requests_of_run: u64,
}

/// What came of the search.
pub struct Shopping {
    /// The keys that set servers apart.
    pub keys: Vec<String>,
    /// What has to be carried.
    pub load: LoadToCarry,
    /// What was looked at: the cheapest first, then those without a price, then those that carry it with no number.
    pub offers: Vec<Offer>,
    /// What was not.
    pub not_tried: Vec<NotTried>,
}

/// So many are searched at once, on however many threads: what is known when the next are chosen is then the same.
const AT_ONCE: usize = 8;
/// How many times as long as the scenario's own runs may become where they have too few samples to judge.
const LONGEST_FOR_SAMPLES: u32 = 16;
/// More kinds of servers are not searched.
const MOST_SEARCHED: usize = 64;
/// So many of the cheapest are looked at with care, and more while one that was not might be cheaper.
const VERIFIED: usize = 3;
/// One that carries the load, and one that may fail.
const FEWEST_BOUGHT: f64 = 2.0;
/// More servers than anybody has.
const MOST_SERVERS: f64 = 4e6;

impl ShoppingQuestion<'_> {
    /// Searches.
    pub fn answer(&self) -> Result<Shopping, Stopped> {
        let hour = BusiestHour::of(self.production, self.requests_of_run)?;
        let mut search = Search {
            question: self.production,
            hour: &hour,
            waiting: in_order_of_price(&self.list.purchases),
            offers: Vec::new(),
        };
        loop {
            while let Some(batch) = search.next_batch() {
                search.look_at(batch)?;
            }
            let Some(place) = search.to_be_verified() else {
                break;
            };
            search.verify(place)?;
        }
        let mut not_tried = self.list.not_tried.clone();
        not_tried.extend(search.left());
        let mut offers = search.offers;
        count_tokens(&mut offers);
        offers.sort_by(the_better_first);
        Ok(Shopping {
            keys: self.list.keys.clone(),
            load: hour.load,
            offers,
            not_tried,
        })
    }
}

impl Shopping {
    /// The scenario's own servers.
    pub fn own(&self) -> &Offer {
        let own = self.offers.iter().find(|offer| offer.purchase.is_own);
        own.expect("they are always looked at")
    }

    /// The cheapest that carries the load.
    pub fn best(&self) -> Option<&Offer> {
        self.offers
            .iter()
            .find(|offer| offer.is_verified && offer.per_hour().is_some())
    }
}

/// The scenario's own first, then the cheapest; those without a price last.
fn in_order_of_price(purchases: &[Purchase]) -> Vec<Purchase> {
    let mut sorted = purchases.to_vec();
    let price = |it: &Purchase| it.server_hour.unwrap_or(f64::INFINITY);
    sorted.sort_by(|one, other| other.is_own.cmp(&one.is_own).then(price(one).total_cmp(&price(other))));
    sorted
}

/// Fleets that are asked the same handle as many tokens, whatever chance left out of the runs of each; clients who wait
/// for answers ask more of faster ones.
fn count_tokens(offers: &mut [Offer]) {
    let is_own = |offer: &&Offer| offer.purchase.is_own;
    let mut own_first = offers.iter().filter(is_own).chain(offers.iter());
    let common = own_first.find_map(Offer::tokens_of_one);
    for offer in offers {
        offer.tokens = if offer.load.kind.counts_clients() {
            offer.tokens_of_one()
        } else {
            common
        };
    }
}

/// The cheaper; of two that cost the same the one that changes nothing, then the one that carries more.
fn the_better_first(one: &Offer, other: &Offer) -> Ordering {
    let margin = |it: &Offer| {
        let servers = it.servers()?;
        Some(it.margin(servers)?.0)
    };
    let carries = |it: &Offer| margin(it).unwrap_or(f64::NEG_INFINITY);
    price_to_sort_by(one)
        .total_cmp(&price_to_sort_by(other))
        .then(other.purchase.is_own.cmp(&one.purchase.is_own))
        .then(carries(other).total_cmp(&carries(one)))
}

fn price_to_sort_by(offer: &Offer) -> f64 {
    match (offer.per_hour(), offer.fewest) {
        (Some(dollars), _) => dollars,
        (None, Some(_)) => f64::MAX,
        (None, None) => f64::INFINITY,
    }
}

struct Search<'a> {
    question: &'a ProductionQuestion<'a>,
    hour: &'a BusiestHour,
    waiting: Vec<Purchase>,
    offers: Vec<Offer>,
}

impl Search<'_> {
    /// The cheapest fleet as far as is known.
    fn cheapest(&self) -> Option<(f64, &Offer)> {
        let priced = self.offers.iter().filter_map(|offer| Some((offer.per_hour()?, offer)));
        priced.min_by(|one, other| one.0.total_cmp(&other.0))
    }

    /// What to search next: none of which two servers cost more than the cheapest fleet does.
    fn next_batch(&mut self) -> Option<Vec<Purchase>> {
        // The first is the scenario's own, which says what the others have to be cheaper than.
        let at_once = if self.offers.is_empty() { 1 } else { AT_ONCE };
        let room = MOST_SEARCHED.saturating_sub(self.offers.len()).min(at_once);
        let most = self.cheapest().map_or(f64::INFINITY, |(dollars, _)| dollars);
        let (mut batch, mut left) = (Vec::new(), Vec::new());
        for purchase in self.waiting.drain(..) {
            let least = purchase.server_hour.map_or(0.0, |dollars| dollars * FEWEST_BOUGHT);
            let is_wanted = purchase.is_own || least <= most;
            if is_wanted && batch.len() < room {
                batch.push(purchase);
            } else {
                left.push(purchase);
            }
        }
        self.waiting = left;
        (!batch.is_empty()).then_some(batch)
    }

    /// Searches each with one seed.
    fn look_at(&mut self, batch: Vec<Purchase>) -> Result<(), Stopped> {
        let first_seed: Vec<u64> = self.question.input.seeds(1).collect();
        let share = self.hour.load.load / f64::from(self.question.input.scenario.operation.servers());
        let mut found: Vec<Answered<Capacity>> = Vec::new();
        let done = self.question.workers.in_order(
            batch.len(),
            |number| {
                let changes = self.changes(&batch[number]);
                let search = CapacitySearch {
                    base: &self.hour.base,
                    dial: &self.hour.dial,
                    changes: &changes,
                    steps_times: 1.0,
                    seeds: &first_seed,
                    longest: LONGEST_FOR_SAMPLES,
                    start: share,
                };
                answered(search.with_first_seed(self.question.simulate))
            },
            |_, capacity| {
                found.push(capacity);
                Next::GoOn
            },
        );
        done.map_err(|(_, stopped): (usize, Stopped)| stopped)?;
        let load = self.hour.load;
        let offers = batch.into_iter().zip(found).map(|(purchase, capacity)| Offer {
            fewest: capacity.as_ref().ok().and_then(|it| fewest_by_shares(it, load.load)),
            purchase,
            load,
            capacity,
            is_verified: false,
            is_behind_router: false,
            tokens: None,
        });
        self.offers.extend(offers);
        Ok(())
    }

    /// The place of the cheapest that has not been verified, if it may still be the one to buy.
    fn to_be_verified(&self) -> Option<usize> {
        let verified = self.offers.iter().filter(|offer| offer.is_verified);
        let best = verified
            .clone()
            .filter_map(Offer::per_hour)
            .fold(f64::INFINITY, f64::min);
        let open = self.offers.iter().enumerate().filter(|(_, offer)| !offer.is_verified);
        let priced = open.filter_map(|(place, offer)| Some((offer.per_hour()?, place)));
        let (dollars, place) = priced.min_by(|one, other| one.0.total_cmp(&other.0))?;
        (dollars < best || verified.count() < VERIFIED).then_some(place)
    }

    /// Searches with all seeds, and simulates the fewest servers together behind their router.
    fn verify(&mut self, place: usize) -> Result<(), Stopped> {
        let found = answered(self.with_care(&self.offers[place]))?;
        let offer = &mut self.offers[place];
        offer.is_verified = true;
        match found {
            Ok((capacity, servers)) => {
                offer.capacity = Ok(capacity);
                offer.fewest = servers.fewest;
                offer.is_behind_router = servers.is_behind_router;
            }
            Err(why) => {
                offer.capacity = Err(why);
                offer.fewest = None;
            }
        }
        Ok(())
    }

    fn with_care(&self, offer: &Offer) -> Result<(Capacity, FewestServers), Stopped> {
        let question = self.question;
        let effort = question.effort(self.hour.requests_of_run);
        let seeds: Vec<u64> = question.input.seeds(effort.seeds).collect();
        let changes = self.changes(&offer.purchase);
        let rough = offer.capacity.as_ref().map_or(self.hour.load.load, Capacity::mean);
        let search = CapacitySearch {
            base: &self.hour.base,
            dial: &self.hour.dial,
            changes: &changes,
            steps_times: 1.0,
            seeds: &seeds,
            longest: effort.longest,
            start: rough,
        };
        let capacity = search.answer(question.workers, question.simulate)?;
        let servers = ServersSearch {
            of_one: &search,
            load: self.hour.load.load,
            longest: effort.longest,
            workers: question.workers,
            simulate: question.simulate,
        };
        let servers = servers.answer(&capacity)?;
        Ok((capacity, servers))
    }

    /// What makes the scenario one of a single such server that does not fail.
    fn changes(&self, purchase: &Purchase) -> Vec<Flag> {
        let mut changes = purchase.flags.clone();
        changes.extend(self.question.unharmed());
        if self.question.input.scenario.operation.fleet.is_some() {
            changes.push(Flag::new("--over", "fleet.servers=1"));
        }
        changes
    }

    /// Why each was left that still waits.
    fn left(&self) -> Vec<NotTried> {
        let cheapest = self.cheapest();
        let why = |purchase: &Purchase| {
            let least = purchase.server_hour.map(|dollars| dollars * FEWEST_BOUGHT);
            match (least, cheapest) {
                (Some(least), Some((most, best))) if least > most => format!(
                    "dearer than {}: two servers, one of which may fail, cost ${least:.2} an hour, not ${most:.2}",
                    best.purchase.label
                ),
                _ => format!("{MOST_SEARCHED} combinations were searched, and that is the most"),
            }
        };
        let left = self.waiting.iter().map(|purchase| NotTried {
            label: purchase.label.clone(),
            why: why(purchase),
        });
        left.collect()
    }
}

/// The fewest servers that carry a load, if each carries what one does alone.
fn fewest_by_shares(capacity: &Capacity, load: f64) -> Option<u32> {
    let fewest = (load / capacity.mean()).ceil().max(1.0);
    (fewest <= MOST_SERVERS).then_some(fewest as u32)
}
