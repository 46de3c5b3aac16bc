//! The least of many keys, each of which changes often: a tournament in which a change replays the games on one way
//! from a leaf to the root.

/// A key for each of a fixed number of places.
#[derive(Clone, Debug)]
pub(super) struct Tournament<Key> {
    keys: Vec<Key>,
    /// The winner of each game: game 1 is the final, and game `n` is between the winners of games `2n` and `2n + 1`.
    /// The first round is played by places, two by two.
    winners: Vec<u32>,
}

impl<Key: Ord + Copy> Tournament<Key> {
    /// All places with the same key; at least one.
    pub(super) fn new(places: usize, key: Key) -> Self {
        let games = places.next_power_of_two();
        let mut all = Self {
            keys: vec![key; places],
            winners: vec![0; games],
        };
        for game in (1..games).rev() {
            all.play(game);
        }
        all
    }

    /// The key of a place.
    pub(super) fn key(&self, place: usize) -> Key {
        self.keys[place]
    }

    /// The place with the least key; of several the first.
    pub(super) fn least(&self) -> usize {
        self.winners.get(1).map_or(0, |&winner| winner as usize)
    }

    /// Changes the key of a place.
    #[inline]
    pub(super) fn set(&mut self, place: usize, key: Key) {
        self.keys[place] = key;
        let mut game = (self.winners.len() + place) >> 1;
        while game > 0 {
            let before = self.winners[game];
            self.play(game);
            // Who has won against another than this one has not changed, nor what comes of it.
            if self.winners[game] == before && before as usize != place {
                break;
            }
            game /= 2;
        }
    }

    /// The place with the least key but for one; `None` if that is the only one.
    pub(super) fn least_beside(&self, place: usize) -> Option<usize> {
        let mut side = self.winners.len() + place;
        let mut least: Option<usize> = None;
        while side > 1 {
            let other = self.side(side ^ 1);
            let is_less = |&least: &usize| (self.keys[other], other) < (self.keys[least], least);
            if other < self.keys.len() && least.as_ref().is_none_or(is_less) {
                least = Some(other);
            }
            side /= 2;
        }
        least
    }

    #[inline]
    fn play(&mut self, game: usize) {
        let [one, other] = [2 * game, 2 * game + 1].map(|side| self.side(side));
        let is_beaten = other < self.keys.len() && self.keys[other] < self.keys[one];
        self.winners[game] = if is_beaten { other } else { one } as u32;
    }

    /// Who comes from a side of a game: the winner of an earlier one, or the place that starts there; beyond the last
    /// place nobody does.
    #[inline]
    fn side(&self, side: usize) -> usize {
        let games = self.winners.len();
        if side < games {
            self.winners[side] as usize
        } else {
            side - games
        }
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
            let mut keys = vec![5; places];
            let mut tournament = Tournament::new(places, 5);
            for _ in 0..200 {
                let least = (0..places).min_by_key(|&place| keys[place]).unwrap();
                assert_eq!(tournament.least(), least, "{keys:?}");
                let out = random.random_range(0..places);
                let beside = (0..places)
                    .filter(|&place| place != out)
                    .min_by_key(|&place| keys[place]);
                assert_eq!(tournament.least_beside(out), beside, "{keys:?} without {out}");
                let place = random.random_range(0..places);
                keys[place] = random.random_range(0..9);
                tournament.set(place, keys[place]);
                assert_eq!(tournament.key(place), keys[place]);
            }
        }
    }
}
