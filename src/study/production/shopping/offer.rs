//! What a fleet of some servers carries, and what it costs.

use super::list::Purchase;
use super::load::LoadToCarry;
use crate::money::DAYS_PER_MONTH;
use crate::stats::Interval;
use crate::study::Capacity;
use crate::study::production::question::Answered;

/// A fleet that could be bought.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The server that it consists of.
    pub purchase: Purchase,
    /// What it has to carry.
    pub load: LoadToCarry,
    /// What one server carries under the objectives, or why that is not known.
    pub capacity: Answered<Capacity>,
    /// The fewest servers that carry the load; `None` if no number does.
    pub fewest: Option<u32>,
    /// Whether the fewest were simulated with several seeds, as far as there are some; else one search with one seed
    /// says so.
    pub is_verified: bool,
    /// Whether the fewest were simulated together behind the router.
    pub is_behind_router: bool,
    /// What it handles at its mean load: where requests come whatever the servers do, the same as any other fleet.
    pub tokens: Option<OfferTokens>,
}

/// Tokens that a fleet handles at its mean load [tokens/s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfferTokens {
    /// Of prompts.
    pub input_per_s: f64,
    /// Of answers.
    pub output_per_s: f64,
}

const MILLION: f64 = 1e6;
const SECONDS_OF_HOUR: f64 = 3_600.0;

impl Offer {
    /// Servers with the one that may fail.
    pub fn servers(&self) -> Option<u32> {
        self.fewest.map(|fewest| fewest.saturating_add(1))
    }

    /// GPUs of them all.
    pub fn gpus(&self) -> Option<u32> {
        self.servers()
            .map(|servers| servers.saturating_mul(self.purchase.gpus()))
    }

    /// What an hour of all servers costs [$].
    pub fn per_hour(&self) -> Option<f64> {
        Some(self.purchase.server_hour? * f64::from(self.servers()?))
    }

    /// What a month of 30 days costs [$].
    pub fn per_month(&self) -> Option<f64> {
        self.per_hour().map(|dollars| dollars * 24.0 * DAYS_PER_MONTH)
    }

    /// What a million tokens of prompts and answers costs at the mean load [$].
    pub fn per_million_tokens(&self) -> Option<f64> {
        let tokens = self.tokens?;
        let per_s = tokens.input_per_s + tokens.output_per_s;
        let dollars = self.per_hour()? / SECONDS_OF_HOUR / per_s * MILLION;
        Some(dollars).filter(|dollars| dollars.is_finite())
    }

    /// Tokens at the mean load: as many for a request as at the highest load that one server carries.
    pub(super) fn tokens_of_one(&self) -> Option<OfferTokens> {
        let (bracket, summary) = self.capacity.as_ref().ok()?.first_met()?;
        let times = self.load.load * self.load.mean_share / bracket.met;
        Some(OfferTokens {
            input_per_s: summary.throughput.input_tokens_per_s? * times,
            output_per_s: summary.throughput.output_tokens_per_s? * times,
        })
    }

    /// How much more than the load so many servers carry, as a part of it, if each carries what one does alone.
    pub fn margin(&self, servers: u32) -> Option<(f64, Option<Interval>)> {
        let capacity = self.capacity.as_ref().ok()?;
        let margin = |of_one: f64| of_one * f64::from(servers) / self.load.load - 1.0;
        let interval = capacity.interval().map(|it| Interval {
            low: margin(it.low),
            high: margin(it.high),
        });
        Some((margin(capacity.mean()), interval))
    }
}
