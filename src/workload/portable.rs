//! Floating-point numbers with the same functions everywhere.
//!
//! `rand_distr` computes with whatever `num_traits` does for its numbers. For `f64` that is the mathematical library of
//! the platform as soon as any dependency switches on the feature `num-traits/std`, and the last digit of a power
//! differs between platforms. For [`Portable`] it is `libm`, always.

use std::num::FpCategory;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use rand::distr::StandardUniform;
use rand::{Rng, RngExt};
use rand_distr::num_traits::{Float, Num, NumCast, One, ToPrimitive, Zero};
use rand_distr::{Distribution, Exp1, Open01, OpenClosed01, StandardNormal};

/// A number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Portable(pub f64);

macro_rules! operators {
    ($($operator:ident $method:ident),+) => {
        $(impl $operator for Portable {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self($operator::$method(self.0, other.0))
            }
        })+
    };
}

operators!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl Neg for Portable {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

macro_rules! drawn_as_f64 {
    ($($distribution:ty),+) => {
        $(impl Distribution<Portable> for $distribution {
            #[inline]
            fn sample<R: Rng + ?Sized>(&self, random: &mut R) -> Portable {
                Portable(random.sample(self))
            }
        })+
    };
}

drawn_as_f64!(StandardUniform, Open01, OpenClosed01, StandardNormal, Exp1);

impl Zero for Portable {
    fn zero() -> Self {
        Self(0.0)
    }
    fn is_zero(&self) -> bool {
        self.0 == 0.0
    }
}

impl One for Portable {
    fn one() -> Self {
        Self(1.0)
    }
}

impl Num for Portable {
    type FromStrRadixErr = <f64 as Num>::FromStrRadixErr;
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        f64::from_str_radix(text, radix).map(Self)
    }
}

impl ToPrimitive for Portable {
    fn to_i64(&self) -> Option<i64> {
        self.0.to_i64()
    }
    fn to_u64(&self) -> Option<u64> {
        self.0.to_u64()
    }
    fn to_f64(&self) -> Option<f64> {
        Some(self.0)
    }
}

impl NumCast for Portable {
    fn from<T: ToPrimitive>(number: T) -> Option<Self> {
        number.to_f64().map(Self)
    }
}

macro_rules! constants {
    ($($method:ident $value:expr),+) => {
        $(fn $method() -> Self {
            Self($value)
        })+
    };
}

macro_rules! questions {
    ($($method:ident $answer:ty),+) => {
        $(fn $method(self) -> $answer {
            self.0.$method()
        })+
    };
}

macro_rules! functions_of_one {
    ($($method:ident $function:ident),+) => {
        $(#[inline]
        fn $method(self) -> Self {
            Self(libm::$function(self.0))
        })+
    };
}

macro_rules! functions_of_two {
    ($($method:ident $function:ident),+) => {
        $(#[inline]
        fn $method(self, other: Self) -> Self {
            Self(libm::$function(self.0, other.0))
        })+
    };
}

impl Float for Portable {
    constants!(nan f64::NAN, infinity f64::INFINITY, neg_infinity f64::NEG_INFINITY, neg_zero -0.0,
        min_value f64::MIN, min_positive_value f64::MIN_POSITIVE, max_value f64::MAX);
    questions!(is_nan bool, is_infinite bool, is_finite bool, is_normal bool, classify FpCategory,
        is_sign_positive bool, is_sign_negative bool);
    functions_of_one!(floor floor, ceil ceil, round round, trunc trunc, abs fabs, sqrt sqrt, cbrt cbrt,
        exp exp, exp2 exp2, exp_m1 expm1, ln log, log2 log2, log10 log10, ln_1p log1p,
        sin sin, cos cos, tan tan, asin asin, acos acos, atan atan,
        sinh sinh, cosh cosh, tanh tanh, asinh asinh, acosh acosh, atanh atanh);
    functions_of_two!(powf pow, max fmax, min fmin, abs_sub fdim, hypot hypot, atan2 atan2);

    fn fract(self) -> Self {
        self - self.trunc()
    }

    fn signum(self) -> Self {
        Self(self.0.signum())
    }

    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self(libm::fma(self.0, factor.0, summand.0))
    }

    fn recip(self) -> Self {
        Self(1.0 / self.0)
    }

    fn powi(self, exponent: i32) -> Self {
        Self(libm::pow(self.0, exponent.into()))
    }

    fn log(self, base: Self) -> Self {
        self.ln() / base.ln()
    }

    fn sin_cos(self) -> (Self, Self) {
        (self.sin(), self.cos())
    }

    fn integer_decode(self) -> (u64, i16, i8) {
        self.0.integer_decode()
    }
}
