//! Colours for values: as different as the values are, for people of all kinds of colour vision and in grey.

use super::chart::{Good, HeatMap, Unit};
use super::sketch::{BLACK, Colour, WHITE};

/// Viridis by Stéfan van der Walt and Nathaniel Smith (CC0), at tenths: <https://bids.github.io/colormap/>.
const STOPS: [Colour; 11] = [
    Colour(0x44, 0x01, 0x54),
    Colour(0x48, 0x24, 0x75),
    Colour(0x41, 0x44, 0x87),
    Colour(0x35, 0x5f, 0x8d),
    Colour(0x2a, 0x78, 0x8e),
    Colour(0x21, 0x91, 0x8c),
    Colour(0x22, 0xa8, 0x84),
    Colour(0x44, 0xbf, 0x70),
    Colour(0x7a, 0xd1, 0x51),
    Colour(0xbd, 0xdf, 0x26),
    Colour(0xfd, 0xe7, 0x25),
];

/// Positive values further apart than this factor get colours by their logarithms.
const LINEAR_UP_TO: f64 = 20.0;

/// Which colour stands for which value.
#[derive(Clone, Copy, Debug)]
pub struct Shades {
    /// The least value.
    pub least: f64,
    /// The largest value.
    pub most: f64,
    is_logarithmic: bool,
    /// Whether the least value is the brightest.
    is_low_bright: bool,
}

impl Shades {
    /// For the values of a map; `None` if none of them is a number.
    pub fn of(map: &HeatMap) -> Option<Self> {
        let values = map.rows.iter().flatten().filter_map(|value| *value);
        Self::of_values(values, map.unit, map.good == Some(Good::Low))
    }

    fn of_values(values: impl Iterator<Item = f64>, unit: Unit, is_low_bright: bool) -> Option<Self> {
        let values = values.filter(|value| value.is_finite());
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
            (least.min(it), most.max(it))
        });
        // What is written the same looks the same.
        let most = if unit.write(least) == unit.write(most) {
            least
        } else {
            most
        };
        (least <= most).then_some(Self {
            least,
            most,
            is_logarithmic: least > 0.0 && most / least > LINEAR_UP_TO,
            is_low_bright,
        })
    }

    /// The colour of a value, and of words on it.
    pub fn colours(&self, value: f64) -> (Colour, Colour) {
        let colour = self.colour(self.share(value));
        // Where both can be read equally well, each by 4.58 to 1.
        let ink = if brightness(colour) > 0.179 { BLACK } else { WHITE };
        (colour, ink)
    }

    /// The colour at a share of the way from the least value to the largest.
    pub fn colour(&self, share: f64) -> Colour {
        if self.least >= self.most {
            return colour(0.5);
        }
        colour(if self.is_low_bright { 1.0 - share } else { share })
    }

    fn share(&self, value: f64) -> f64 {
        // Halved, so that no difference is too large for a number.
        let place = |value: f64| {
            if self.is_logarithmic { value.ln() } else { value / 2.0 }
        };
        let span = place(self.most) - place(self.least);
        if span > 0.0 {
            (place(value) - place(self.least)) / span
        } else {
            0.5
        }
    }

    /// The value at a share of the colours.
    pub fn value(&self, share: f64) -> f64 {
        if self.is_logarithmic {
            (self.least.ln() + share * (self.most.ln() - self.least.ln())).exp()
        } else {
            self.least * (1.0 - share) + self.most * share
        }
    }
}

/// The colour at a share of the way from dark to bright.
fn colour(share: f64) -> Colour {
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let index = (place as usize).min(STOPS.len() - 2);
    let (from, to) = (STOPS[index], STOPS[index + 1]);
    let between = |from: u8, to: u8| {
        let share = place - index as f64;
        (f64::from(from) * (1.0 - share) + f64::from(to) * share).round() as u8
    };
    Colour(between(from.0, to.0), between(from.1, to.1), between(from.2, to.2))
}

/// Relative luminance, as the Web Content Accessibility Guidelines define it.
fn brightness(Colour(red, green, blue): Colour) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_values_are_brighter_and_words_on_them_can_be_read() {
        let shades = Shades::of_values([1.0, 1000.0].into_iter(), Unit::Plain, false).unwrap();
        let mut last = -1.0;
        for step in 0..=100 {
            let value = shades.value(f64::from(step) / 100.0);
            let (colour, ink) = shades.colours(value);
            let (below, above) = (brightness(colour), brightness(ink));
            assert!(below > last, "{value}");
            let contrast = (below.max(above) + 0.05) / (below.min(above) + 0.05);
            assert!(contrast > 4.5, "{value}: {contrast}");
            last = below;
        }
        let good_if_low = Shades::of_values([1.0, 1000.0].into_iter(), Unit::Plain, true).unwrap();
        assert_eq!(good_if_low.colours(1.0), shades.colours(1000.0));
        let all_alike = Shades::of_values([0.0, f64::NAN, 0.0].into_iter(), Unit::Plain, true).unwrap();
        assert_eq!(all_alike.colours(0.0).0, colour(0.5));
        assert!(Shades::of_values([f64::NAN].into_iter(), Unit::Plain, true).is_none());
        let huge = Shades::of_values([f64::MIN, f64::MAX].into_iter(), Unit::Plain, true).unwrap();
        assert_eq!(huge.colours(0.0).0, colour(0.5));
    }
}
