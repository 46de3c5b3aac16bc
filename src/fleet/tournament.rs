//! The least of many keys, each of which changes often: a tournament in which a change replays the games on one way
//! from a leaf to the root.

/// A key for each of a fixed number of places. Keys are whole numbers of 128 bits, which processors compare without a
/// branch: there is no foreseeing who wins.
#[derive(Clone, Debug)]
pub(super) struct Tournament {
    places: usize,
    /// The winner of each game, with its key: game 1 is the final, and game `n` is between the winners of games `2n` and
    /// `2n + 1`. Beyond the games stand the places, and beyond the last of these whoever loses against all.
    winners: Vec<Winner>,
}

#[derive(Clone, Copy, Debug)]
struct Winner {
    key: u128,
    place: u32,
}

impl Winner {
    /// The winner of a game against whoever has the places above.
    #[inline(always)]
    const fn against(self, above: Self) -> Self {
        if above.key < self.key { above } else { self }
    }
}

impl Tournament {
    /// All places with the same key; at least one.
    pub(super) fn new(places: usize, key: u128) -> Self {
        let games = places.next_power_of_two();
        let start = |place: usize| Winner {
            key: if place < places { key } else { u128::MAX },
            place: place as u32,
        };
        let mut winners = vec![start(0); games];
        winners.extend((0..games).map(start));
        for game in (1..games).rev() {
            winners[game] = winners[2 * game].against(winners[2 * game + 1]);
        }
        Self { places, winners }
    }

    const fn games(&self) -> usize {
        self.winners.len() / 2
    }

    /// The place with the least key, and this; of several the first.
    #[inline]
    pub(super) fn least(&self) -> (usize, u128) {
        let Winner { key, place } = self.winners[1];
        (place as usize, key)
    }

    /// Changes the key of a place.
    #[inline]
    pub(super) fn set(&mut self, place: usize, key: u128) {
        let mut side = self.games() + place;
        let mut winner = Winner {
            key,
            place: place as u32,
        };
        self.winners[side] = winner;
        while side > 1 {
            let other = self.winners[side ^ 1];
            winner = if side & 1 == 0 {
                winner.against(other)
            } else {
                other.against(winner)
            };
            side /= 2;
            let before = self.winners[side];
            // What comes of it has not changed.
            if (before.key, before.place) == (winner.key, winner.place) {
                break;
            }
            self.winners[side] = winner;
        }
    }

    /// The least key but for that of a place; `None` if that is the only one.
    #[inline]
    pub(super) fn least_beside(&self, place: usize) -> Option<u128> {
        let mut side = self.games() + place;
        let mut least = u128::MAX;
        while side > 1 {
            least = least.min(self.winners[side ^ 1].key);
            side /= 2;
        }
        (self.places > 1).then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn the_first_of_the_least_keys_wins() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        for places in 1..40 {
            let mut keys = vec![5_u128; places];
            let mut tournament = Tournament::new(places, 5);
            for _ in 0..200 {
                let least = (0..places).min_by_key(|&place| keys[place]).unwrap();
                assert_eq!(tournament.least(), (least, keys[least]), "{keys:?}");
                let out = random.random_range(0..places);
                let beside = (0..places).filter(|&place| place != out).map(|place| keys[place]).min();
                assert_eq!(tournament.least_beside(out), beside, "{keys:?} without {out}");
                let place = random.random_range(0..places);
                keys[place] = random.random_range(0..9);
                tournament.set(place, keys[place]);
            }
        }
    }
}
