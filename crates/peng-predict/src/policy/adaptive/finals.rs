//! Where a fitness stands among those seen so far.

/// The fitness of the remembered trials as scores, larger being better, and how probable each
/// rank makes it to be among the best.
///
/// The r-th best of a random sample of n has a share of the population before it that is
/// distributed as Beta(r, n + 1 - r), whatever the distribution of the values (David and Nagaraja,
/// *Order Statistics*, 2003, section 2.3). A value of rank r is therefore among the best share q
/// with the probability that n draws with chance q succeed at least r times; these labels sum to
/// n q, and no threshold has to be guessed.
#[derive(Clone, Debug, Default)]
pub(super) struct Finals {
    /// Best first.
    sorted: Vec<f64>,
    /// Sums of the labels of the ranks before each rank of a sample with one more value.
    sums: Vec<f64>,
}

impl Finals {
    /// Takes other scores, finite, in any order; `q` in (0, 1).
    pub(super) fn replace(&mut self, scores: impl Iterator<Item = f64>, q: f64) {
        self.sorted.clear();
        self.sorted.extend(scores);
        self.sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let n = self.sorted.len() + 1;
        if self.sums.len() != n + 1 {
            self.label_ranks(n, q);
        }
    }

    /// Binomial probabilities in logarithms: `(1 - q)^n` underflows for large n.
    fn label_ranks(&mut self, n: usize, q: f64) {
        self.sums.clear();
        self.sums.push(0.0);
        let (mut sum, mut at_least) = (0.0, 1.0);
        let odds = (q / (1.0 - q)).ln();
        let mut log_mass = (1.0 - q).ln() * n as f64;
        for r in 1..=n {
            at_least -= log_mass.exp();
            sum += f64::max(at_least, 0.0);
            self.sums.push(sum);
            log_mass += ((n + 1 - r) as f64 / r as f64).ln() + odds;
        }
    }

    fn len(&self) -> usize {
        self.sorted.len()
    }

    /// How many finals are better than a value: fractional between two of them, the middle of
    /// those that equal it.
    fn above(&self, value: f64) -> f64 {
        let above = self.sorted.partition_point(|v| *v > value);
        let upto = above + self.sorted[above..].partition_point(|v| *v >= value);
        if above == upto && above > 0 && above < self.len() {
            let (better, worse) = (self.sorted[above - 1], self.sorted[above]);
            above as f64 - 0.5 + (better - value) / (better - worse)
        } else {
            (above + upto) as f64 / 2.0
        }
    }

    /// The logit of the share of finals that are worse: the scale on which finals are regressed,
    /// blind to the metric's unit and wide open among the best.
    pub(super) fn logit(&self, value: f64) -> f64 {
        let n = self.len() as f64;
        let share = (self.above(value) + 0.5) / (n + 1.0);
        ((1.0 - share) / share).ln()
    }

    /// The probability that a trial with this logit is among the best share of the population.
    pub(super) fn label(&self, logit: f64) -> f64 {
        let n = self.len();
        let share = 1.0 / (1.0 + logit.exp());
        let above = (share * (n as f64 + 1.0) - 0.5).clamp(0.0, n as f64);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to n"
        )]
        let rank = above.floor() as usize;
        let of = |rank: usize| self.sums[rank.min(n) + 1] - self.sums[rank.min(n)];
        let part = above - rank as f64;
        of(rank) * (1.0 - part) + of(rank + 1) * part
    }

    /// The best final that is rather not among the best than among them.
    pub(super) fn first_below(&self) -> Option<f64> {
        let n = self.len();
        let rank = (1..=n)
            .find(|&r| self.sums[r] - self.sums[r - 1] < 0.5)
            .unwrap_or(n);
        self.sorted.get(rank.max(1) - 1).copied()
    }

    /// The logit at which the label falls below one half.
    pub(super) fn threshold(&self) -> f64 {
        self.first_below()
            .map_or(f64::INFINITY, |value| self.logit(value))
    }

    /// At most `most` of them, evenly chosen by rank, and how many they are.
    pub(super) fn sample(&self, most: usize) -> (impl Iterator<Item = f64>, usize) {
        let step = self.len().div_ceil(most).max(1);
        (
            self.sorted.iter().copied().step_by(step),
            self.len().div_ceil(step),
        )
    }

    /// The distance between the ninth and the first decile; 0 without finals.
    pub(super) fn spread(&self) -> f64 {
        let [low, high] = self.deciles();
        high - low
    }

    /// The distance between the ninth decile and the first one of these `starts`, or of the finals
    /// if that is more.
    pub(super) fn span(&self, mut starts: Vec<f64>) -> f64 {
        let [low, high] = self.deciles();
        let tenth = starts.len() / 10;
        let start =
            (tenth < starts.len()).then(|| *starts.select_nth_unstable_by(tenth, f64::total_cmp).1);
        high - start.map_or(low, |start| start.min(low))
    }

    /// The first and the ninth decile; zeros without finals.
    fn deciles(&self) -> [f64; 2] {
        let tenth = self.len() / 10;
        match (self.sorted.iter().rev().nth(tenth), self.sorted.get(tenth)) {
            (Some(low), Some(high)) => [*low, *high],
            _ => [0.0; 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Finals;

    fn finals(scores: Vec<f64>) -> Finals {
        let mut finals = Finals::default();
        finals.replace(scores.into_iter(), 0.1);
        finals
    }

    #[test]
    fn labels_sum_to_the_share_of_the_best() {
        let finals = finals((0..5000).map(f64::from).collect());
        assert!((finals.sums.last().unwrap() - 500.1).abs() < 1e-6);
        assert!(finals.label(finals.logit(4999.0)) > 0.999);
        assert!(finals.label(finals.logit(100.0)) < 1e-9);
    }

    #[test]
    fn a_sample_spans_the_ranks() {
        for (n, most) in [(0, 50), (7, 50), (120, 50), (1000, 50)] {
            let finals = finals((0..n).map(f64::from).collect());
            let (sample, count) = finals.sample(most);
            let sample: Vec<f64> = sample.collect();
            assert!(sample.len() == count && count <= most, "{n}: {count}");
            assert_eq!(sample.is_empty(), n == 0);
        }
    }

    #[test]
    fn equal_finals_share_their_chance() {
        let finals = finals(vec![100.0; 50]);
        let label = finals.label(finals.logit(100.0));
        assert!(label < 0.1, "the middle of all: {label}");
    }

    #[test]
    fn the_spread_leaves_out_a_tenth_at_each_end() {
        let spread = finals((0..=100).map(f64::from).collect()).spread();
        assert!((spread - 80.0).abs() < 1e-12, "{spread}");
        assert!(Finals::default().spread().abs() < 1e-12);
    }

    #[test]
    fn the_span_begins_where_curves_do() {
        let finals = finals((0..=100).map(f64::from).collect());
        let span = |starts: Vec<f64>| finals.span(starts);
        assert!((span(vec![]) - 80.0).abs() < 1e-12, "of the finals");
        assert!((span(vec![-20.0; 5]) - 110.0).abs() < 1e-12);
        assert!((span(vec![50.0; 5]) - 80.0).abs() < 1e-12, "no less");
        let outlier = (0..20).map(|i| if i == 0 { -1e9 } else { 0.0 }).collect();
        assert!((span(outlier) - 90.0).abs() < 1e-12);
    }
}
