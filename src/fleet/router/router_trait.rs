//! What a router is, and what it sees of the servers.

use crate::engine::{ServerId, ServerLoad};
use crate::workload::Request;

/// Decides where requests go.
pub trait Router {
    /// The server that a request goes to which is at the router now, one of those that are ready; `None` if it waits
    /// there until a request ends or another server is ready.
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId>;
}

/// What a router knows of the servers.
pub trait View {
    /// Those that take requests and could serve this one, in the order of their numbers.
    fn ready(&self) -> &[ServerId];

    /// How many requests were sent to a server and have not ended, as far as the router knows.
    fn outstanding(&self, server: ServerId) -> u32;

    /// How many requests a server can run at once.
    fn places(&self, server: ServerId) -> u32;

    /// When a server was chosen last, as the number of that request; 0 before it is.
    fn last_chosen(&self, server: ServerId) -> u64;

    /// How much a server takes beside others: of one that weighs twice as much, twice as many requests count as one.
    fn weight(&self, server: ServerId) -> f64;

    /// The ready server with the fewest outstanding requests by its weight; of several the one that was chosen least
    /// recently, then the one with the lowest number. `None` if none is ready.
    fn least_outstanding(&mut self) -> Option<ServerId>;

    /// The ready server with the fewest KV tokens in use or asked for by those who wait, as a share of what its own
    /// cache holds, whatever it weighs; of several as for [`View::least_outstanding`].
    fn least_kv(&mut self) -> Option<ServerId>;

    /// The ready server with the least to do if a request goes there, by its weight: [`ServerLoad::tokens`], and those
    /// of its prompt that the cache lacks. Of several as for [`View::least_outstanding`].
    fn least_to_do(&mut self, request: &Request) -> Option<ServerId> {
        let mut least = None;
        for server in self.ready().to_vec() {
            let lacking = request.prompt.tokens() - self.cached_tokens(server, request);
            let tokens = u64::from(lacking) + self.load(server).tokens();
            let cost = tokens as f64 / self.weight(server);
            let rank = (cost, self.last_chosen(server));
            if least.is_none_or(|(least, _)| rank < least) {
                least = Some((rank, server));
            }
        }
        least.map(|(_, server)| server)
    }

    /// What is in a server.
    fn load(&mut self, server: ServerId) -> ServerLoad;

    /// How much of its prompt a request would find in a server's prefix cache [tokens].
    fn cached_tokens(&mut self, server: ServerId, request: &Request) -> u32;
}

/// A router by its name.
#[derive(Clone, Copy, Debug)]
pub struct RouterKind {
    /// Its name in scenarios.
    pub name: &'static str,
    /// What it does, in a sentence without a full stop.
    pub summary: &'static str,
    /// What it looks for in requests.
    pub looks_for: LooksFor,
    /// Makes one that has decided nothing yet.
    pub new: fn(&RouterStart<'_>) -> Box<dyn Router>,
}

/// What requests must have in common for a router to do more than it does with strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksFor {
    /// Nothing: all requests are alike to it.
    Nothing,
    /// A session that they belong to.
    Sessions,
    /// The beginning of their prompts.
    Prefixes,
}

/// What a router may know before the first request.
#[derive(Clone, Copy, Debug)]
pub struct RouterStart<'a> {
    /// What all that it draws at random grows from.
    pub seed: u64,
    /// How much each server takes beside the others; all above 0.
    pub weights: &'a [f64],
}
