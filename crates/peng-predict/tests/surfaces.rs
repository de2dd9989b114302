//! Families with two coordinates that are not linear, against a search that is dense, independent
//! of the engine's, and slow: a fine grid, and simplex descents from its lowest places.
//! `cargo test -p peng-predict --test surfaces -- --nocapture` prints the counts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of small numbers"
)]

use peng_predict::family::Name;
use peng_predict::fit;

/// Uniform numbers in [0, 1): `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, lower: f64, upper: f64) -> f64 {
        lower + (upper - lower) * self.next()
    }

    /// About normal, with deviation one: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// A family as `p h + q g` with bounds on p and q.
struct Surface {
    name: Name,
    p: (f64, f64),
    q: (f64, f64),
    /// h and g at x.
    columns: fn([f64; 2], f64) -> (f64, f64),
    /// The family's parameters.
    parameters: fn([f64; 2], f64, f64) -> Vec<f64>,
    /// Corners of the coordinates that are looked at, from the first x, the last, and the gap.
    field: fn(f64, f64, f64) -> [[f64; 2]; 2],
}

fn power([ln_s, ln_d]: [f64; 2], x: f64) -> f64 {
    (ln_d.exp() * (x.ln() - ln_s)).exp()
}

fn sigmoid(first: f64, last: f64, _gap: f64) -> [[f64; 2]; 2] {
    [
        [first.ln() - 3.0, 0.1_f64.ln()],
        [last.ln() + 4.0, 8.0_f64.ln()],
    ]
}

const SURFACES: [Surface; 5] = [
    Surface {
        name: Name::Exp4,
        p: (0.0, 200.0),
        q: (-1_096.633_158_428_458_6, -9.357_622_968_840_175e-14),
        columns: |t, x| (1.0, (-power(t, x)).exp()),
        parameters: |[ln_s, ln_d], p, q| {
            let d = ln_d.exp();
            vec![(-ln_s * d).exp(), (-q).ln(), p, d]
        },
        field: sigmoid,
    },
    Surface {
        name: Name::Wbl4,
        p: (0.0, 200.0),
        q: (-1000.0, 1000.0),
        columns: |t, x| (1.0, (-power(t, x)).exp()),
        parameters: |[ln_s, ln_d], p, q| {
            let d = ln_d.exp();
            vec![p, -q, (-ln_s * d).exp(), d]
        },
        field: sigmoid,
    },
    Surface {
        name: Name::Mmf4,
        p: (0.0, 200.0),
        q: (-1000.0, 1000.0),
        columns: |t, x| {
            let g = 1.0 / (1.0 + power(t, x));
            (1.0 - g, g)
        },
        parameters: |[ln_s, ln_d], p, q| {
            let d = ln_d.exp();
            vec![q, (ln_s * d).exp(), p, d]
        },
        field: sigmoid,
    },
    Surface {
        name: Name::Vap3,
        p: (0.0, 0.0),
        q: (9.357_622_968_840_175e-14, 22_026.465_794_806_718),
        columns: |[b, c], x| (1.0, (b / x + c * x.ln()).exp()),
        parameters: |[b, c], _, q| vec![q.ln(), b, c],
        field: |first, _, _| [[-20.0 * first, -3.0], [5.0 * first, 3.0]],
    },
    Surface {
        name: Name::Expp3,
        p: (0.0, 200.0),
        q: (-1.0, -1.0),
        columns: |[b, ln_a], x| (1.0, (-ln_a.exp() * (x - b).ln()).exp().exp()),
        parameters: |[b, ln_a], p, _| vec![-ln_a.exp(), b, p],
        field: |_, _, _| [[0.0; 2]; 2],
    },
];

struct Problem<'a> {
    surface: &'a Surface,
    x: &'a [f64],
    y: &'a [f64],
}

impl Problem<'_> {
    fn place(&self, t: [f64; 2]) -> [f64; 2] {
        if self.surface.name == Name::Expp3 {
            [self.x[0] - t[0].exp(), t[1]]
        } else {
            t
        }
    }

    fn field(&self) -> [[f64; 2]; 2] {
        let (first, last) = (self.x[0], self.x[self.x.len() - 1]);
        if self.surface.name == Name::Expp3 {
            [
                [(1e-6 * (1.0 + first)).ln(), 0.02_f64.ln()],
                [(1e3 * (last - first)).ln(), 8.0_f64.ln()],
            ]
        } else {
            (self.surface.field)(first, last, self.x[1] - first)
        }
    }

    /// The best p and q and their sum of squares.
    fn best(&self, t: [f64; 2]) -> (f64, f64, f64) {
        let t = self.place(t);
        let columns: Vec<_> = self
            .x
            .iter()
            .map(|&x| (self.surface.columns)(t, x))
            .collect();
        let sum = |f: &dyn Fn(f64, f64, f64) -> f64| -> f64 {
            columns
                .iter()
                .zip(self.y)
                .map(|(&(h, g), &y)| f(h, g, y))
                .sum()
        };
        let (hh, hg, gg) = (
            sum(&|h, _, _| h * h),
            sum(&|h, g, _| h * g),
            sum(&|_, g, _| g * g),
        );
        let (hy, gy) = (sum(&|h, _, y| h * y), sum(&|_, g, y| g * y));
        let (pb, qb) = (self.surface.p, self.surface.q);
        let squares = |p: f64, q: f64| sum(&|h, g, y| (y - p * h - q * g).powi(2));
        let determinant = hh * gg - hg * hg;
        let mut tries = Vec::new();
        if determinant > 1e-15 * hh * gg {
            tries.push((
                (gg * hy - hg * gy) / determinant,
                (hh * gy - hg * hy) / determinant,
            ));
        }
        let inside = |&(p, q): &(f64, f64)| pb.0 <= p && p <= pb.1 && qb.0 <= q && q <= qb.1;
        tries.retain(inside);
        if tries.is_empty() {
            for p in [pb.0, pb.1] {
                tries.push((p, ((gy - p * hg) / gg).clamp(qb.0, qb.1)));
            }
            for q in [qb.0, qb.1] {
                tries.push((((hy - q * hg) / hh).clamp(pb.0, pb.1), q));
            }
        }
        let scored = tries.into_iter().map(|(p, q)| (p, q, squares(p, q)));
        scored
            .filter(|best| best.2.is_finite())
            .min_by(|a, b| a.2.total_cmp(&b.2))
            .unwrap_or((0.0, 0.0, f64::INFINITY))
    }

    fn height(&self, t: [f64; 2], field: &[[f64; 2]; 2]) -> f64 {
        let inside = (0..2).all(|k| field[0][k] <= t[k] && t[k] <= field[1][k]);
        if inside {
            self.best(t).2
        } else {
            f64::INFINITY
        }
    }

    /// The least sum of squares, and the parameters.
    fn lowest(&self) -> (f64, Vec<f64>) {
        const PLACES: usize = 50;
        let field = self.field();
        let size: [f64; 2] = [0, 1].map(|k| (field[1][k] - field[0][k]) / (PLACES - 1) as f64);
        let place = |i: usize, j: usize| {
            [
                field[0][0] + size[0] * i as f64,
                field[0][1] + size[1] * j as f64,
            ]
            .iter()
            .zip(field[1])
            .map(|(t, most)| t.min(most))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
        };
        let heights: Vec<Vec<f64>> = (0..PLACES)
            .map(|i| {
                (0..PLACES)
                    .map(|j| self.height(place(i, j), &field))
                    .collect()
            })
            .collect();
        let mut lows = Vec::new();
        for i in 0..PLACES {
            for j in 0..PLACES {
                let around = |at: usize| at.saturating_sub(1)..=(at + 1).min(PLACES - 1);
                let here = heights[i][j];
                if here.is_finite() && around(i).all(|k| around(j).all(|l| here <= heights[k][l])) {
                    lows.push((here, place(i, j)));
                }
            }
        }
        lows.sort_by(|a, b| a.0.total_cmp(&b.0));
        lows.truncate(12);
        let ends = lows
            .into_iter()
            .map(|(_, start)| self.descend(start, size, &field));
        let (t, sse) = ends.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let (p, q, _) = self.best(t);
        (sse, (self.surface.parameters)(self.place(t), p, q))
    }

    /// Nelder and Mead's simplex, begun anew until that no longer helps.
    fn descend(&self, start: [f64; 2], size: [f64; 2], field: &[[f64; 2]; 2]) -> ([f64; 2], f64) {
        let at = |t: [f64; 2]| (t, self.height(t, field));
        let mut best = at(start);
        for round in 0..12 {
            let s = size.map(|s| s * 0.5_f64.powi(round));
            let turn = if round % 2 == 0 { 1.0 } else { -1.0 };
            let mut simplex = [
                best,
                at([best.0[0] + turn * s[0], best.0[1]]),
                at([best.0[0], best.0[1] + turn * s[1]]),
            ];
            if simplex[1].1.is_infinite() {
                simplex[1] = at([best.0[0] - turn * s[0], best.0[1]]);
            }
            if simplex[2].1.is_infinite() {
                simplex[2] = at([best.0[0], best.0[1] - turn * s[1]]);
            }
            for _ in 0..150 {
                simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
                let [low, mid, high] = simplex;
                if (high.1 - low.1).abs() <= 1e-12 * low.1 {
                    break;
                }
                let along = |share: f64| {
                    at([0, 1].map(|k| {
                        let middle = f64::midpoint(low.0[k], mid.0[k]);
                        middle + share * (high.0[k] - middle)
                    }))
                };
                let reflected = along(-1.0);
                simplex[2] = if reflected.1 < low.1 {
                    let further = along(-2.0);
                    if further.1 < reflected.1 {
                        further
                    } else {
                        reflected
                    }
                } else if reflected.1 < mid.1 {
                    reflected
                } else {
                    let nearer = if reflected.1 < high.1 {
                        along(-0.5)
                    } else {
                        along(0.5)
                    };
                    if nearer.1 < high.1.min(reflected.1) {
                        nearer
                    } else {
                        simplex[1] = at([0, 1].map(|k| f64::midpoint(low.0[k], mid.0[k])));
                        at([0, 1].map(|k| f64::midpoint(low.0[k], high.0[k])))
                    }
                };
            }
            simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
            let gain = best.1 - simplex[0].1;
            best = simplex[0];
            if round > 3 && gain <= 1e-10 * best.1 {
                break;
            }
        }
        best
    }
}

/// A noisy learning curve: of the family itself, or of an exponential.
fn curve(numbers: &mut Numbers, name: Name) -> (Vec<f64>, Vec<f64>) {
    let points = 5 + (35.0 * numbers.next()) as usize;
    let noise = [0.0, 0.1, 1.0, 4.0][(4.0 * numbers.next()) as usize];
    let (end, depth) = (numbers.between(40.0, 100.0), numbers.between(10.0, 40.0));
    let (one, two) = (numbers.next(), numbers.next());
    let p = match name {
        Name::Exp4 => vec![0.05 + 0.5 * one, depth.ln(), end, 0.5 + two],
        Name::Expp3 => vec![-0.2 - one, -two, end],
        Name::Vap3 => vec![(0.6 * end).ln(), -0.2 - one, 0.1 * two],
        Name::Mmf4 => vec![depth, 1.0 + 20.0 * one, end, 0.6 + 1.5 * two],
        _ => vec![end, depth, 0.05 + 0.5 * one, 0.6 + two],
    };
    let own = noise == 0.0 || numbers.next() < 0.5;
    let x: Vec<f64> = (1..=points).map(|x| x as f64).collect();
    let y = x.iter().map(|&x| {
        let value = if own {
            name.family().value(&p, x)
        } else {
            end - 2.0 * depth * (-(0.03 + one) * x).exp()
        };
        value + noise * numbers.normal()
    });
    let y = y.collect();
    (x, y)
}

/// Of how many curves a family; `CURVES=2000` for figures worth quoting.
fn curves() -> usize {
    std::env::var("CURVES").map_or(200, |count| count.parse().unwrap())
}

#[test]
fn hardly_a_fit_is_worse_than_a_dense_search() {
    let count = curves();
    for surface in &SURFACES {
        let mut numbers = Numbers(1);
        let (mut worse, mut better) = (0, 0);
        for _ in 0..count {
            let (x, y) = curve(&mut numbers, surface.name);
            let found = fit::fit(surface.name, &x, &y).unwrap().sse;
            let (x, y) = (&x, &y);
            let (_, parameters) = Problem { surface, x, y }.lowest();
            let lowest = fit::sum_of_squares(surface.name, &parameters, x, y);
            worse += usize::from(found > lowest * (1.0 + 1e-6) + 1e-9);
            better += usize::from(found * (1.0 + 1e-6) + 1e-9 < lowest);
        }
        println!(
            "{}: {worse} of {count} fits are worse than the reference, {better} are better",
            surface.name
        );
        // The valleys of expp3 are long, narrow and nearly level; what is found there is close.
        let most = if surface.name == Name::Expp3 {
            count / 50
        } else {
            count / 100
        };
        assert!(
            worse <= most,
            "{}: {worse} worse, {most} allowed",
            surface.name
        );
    }
}
