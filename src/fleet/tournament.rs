//! The least of many keys, each of which changes often: a tournament in which a change replays the games on one way
//! from a leaf to the root.

/// A key for each of a fixed number of places. Keys are whole numbers of 128 bits, which processors compare without a
/// branch: there is no foreseeing who wins.
#[derive(Clone, Debug)]
pub(super) struct Tournament {
    places: usize,
    /// Of each place; beyond the last one, of those who lose against all.
    keys: Vec<u128>,
    /// The winner of each game: game 1 is the final, and game `n` is between the winners of games `2n` and `2n + 1`.
    /// Beyond the games stand the places.
    winners: Vec<u32>,
}

impl Tournament {
    /// All places with the same key; at least one.
    pub(super) fn new(places: usize, key: u128) -> Self {
        let games = places.next_power_of_two();
        let mut all = Self {
            places,
            keys: vec![key; places],
            winners: vec![0; games],
        };
        all.keys.resize(games, u128::MAX);
        all.winners.extend(0..games as u32);
        for game in (1..games).rev() {
            let [one, other] = [2 * game, 2 * game + 1].map(|side| all.winners[side]);
            let is_beaten = all.key_of(other) < all.key_of(one);
            all.winners[game] = if is_beaten { other } else { one };
        }
        all
    }

    #[inline]
    fn key_of(&self, place: u32) -> u128 {
        self.keys[place as usize]
    }

    /// The place with the least key, and this; of several the first.
    #[inline]
    pub(super) fn least(&self) -> (usize, u128) {
        let place = self.winners[1];
        (place as usize, self.key_of(place))
    }

    /// Changes the key of a place.
    #[inline]
    pub(super) fn set(&mut self, place: usize, key: u128) {
        self.keys[place] = key;
        let mut winner = place as u32;
        let mut least = key;
        let mut side = self.keys.len() + place;
        while side > 1 {
            let other = self.winners[side ^ 1];
            let others = self.key_of(other);
            let wins = others < least || others == least && other < winner;
            (winner, least) = if wins { (other, others) } else { (winner, least) };
            side /= 2;
            // Who has won against another than this one has not changed, nor what comes of it.
            if self.winners[side] == winner && winner != place as u32 {
                break;
            }
            self.winners[side] = winner;
        }
    }

    /// The least key but for that of a place; `None` if that is the only one.
    #[inline]
    pub(super) fn least_beside(&self, place: usize) -> Option<u128> {
        let mut side = self.keys.len() + place;
        let mut least = u128::MAX;
        while side > 1 {
            least = least.min(self.key_of(self.winners[side ^ 1]));
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
