//! Chance for simulations: a small generator of random numbers (xorshift), so that every run is the same.

/// The generator. Nothing that is decided in earnest asks it.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..10 {
            chance.bits();
        }
        chance
    }

    /// Another one, whose draws leave this one's as they are.
    #[cfg(test)]
    pub(super) fn apart(&self) -> Self {
        Self(self.0 ^ 0x5555)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().max(1e-12).ln()
    }

    /// Student's t with five degrees of freedom: heavy tails, deviation √(5/3) (Bailey's polar method).
    pub(super) fn student5(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (5.0 * (square.powf(-0.4) - 1.0) / square).sqrt();
            }
        }
    }

    /// Events where `mean` are expected.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        /// From here on the normal distribution is as good.
        const LARGE: f64 = 30.0;
        if mean > LARGE {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let mut left = self.uniform();
        let mut chance = (-mean).exp();
        let mut events = 0;
        while left > chance && events < 200 {
            left -= chance;
            events += 1;
            chance *= mean / events as f64;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, mut draw: impl FnMut() -> f64, mean: f64, deviation: f64) {
        let values: Vec<f64> = (0..40_000).map(|_| draw()).collect();
        let count = values.len() as f64;
        let centre = values.iter().sum::<f64>() / count;
        let square = values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / count;
        assert!((centre - mean).abs() < 0.03 * deviation, "{name}: mean {centre}");
        assert!((square.sqrt() / deviation - 1.0).abs() < 0.05, "{name}: deviation {}", square.sqrt());
    }

    #[test]
    fn each_distribution_has_its_mean_and_deviation() {
        let mut chance = Chance::new(7);
        check("uniform", || chance.uniform(), 0.5, 12_f64.sqrt().recip());
        check("normal", || chance.normal(), 0.0, 1.0);
        check("exponential", || chance.exponential(3.0), 3.0, 3.0);
        check("student", || chance.student5(), 0.0, (5.0_f64 / 3.0).sqrt());
        check("few events", || chance.poisson(2.5) as f64, 2.5, 2.5_f64.sqrt());
        check("many events", || chance.poisson(400.0) as f64, 400.0, 20.0);
    }
}
