//! Routing of tokens to experts (Shazeer et al. 2017, arXiv 1701.06538): every token goes to the
//! experts of its largest router probabilities, and none is dropped.
//!
//! A token's slot is one of its chosen experts; slots are kept in the order of the experts, so that
//! each expert's are the rows of one matrix.

use super::lanes;

/// Factor of the balancing loss (Fedus et al. 2021, arXiv 2101.03961).
pub const BALANCE: f32 = 0.01;

/// Which experts the tokens of a pass go to, and with which weight.
#[derive(Debug, Clone)]
pub struct Routes {
    experts: usize,
    active: usize,
    /// Expert of each slot, tokens in order. `[m, k]`
    chosen: Vec<usize>,
    /// Weight of each slot. `[m, k]`
    gates: Vec<f32>,
    /// The loss's gradient by the weights. `[m, k]`
    dgates: Vec<f32>,
    /// Place of each slot in the order of experts. `[m, k]`
    places: Vec<usize>,
    /// First place of each expert, and the end.
    offsets: Vec<usize>,
}

impl Routes {
    /// Room for `rows` tokens that go to `active` of `experts` experts each.
    #[must_use]
    pub fn new(experts: usize, active: usize, rows: usize) -> Self {
        let slots = rows * active;
        Self {
            experts,
            active,
            chosen: vec![0; slots],
            gates: vec![0.0; slots],
            dgates: vec![0.0; slots],
            places: vec![0; slots],
            offsets: vec![0; experts + 1],
        }
    }

    /// First place of each expert, and the end: the rows of expert e are `[e]..[e + 1]`.
    #[must_use]
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Router logits `[m, E]` → probabilities in their place; chooses the `k` largest of each token.
    /// A single expert is weighted by its probability (Fedus et al. 2021), several by theirs divided
    /// by the sum (Jiang et al. 2024, arXiv 2401.04088).
    pub fn choose(&mut self, logits: &mut [f32]) {
        let (experts, k) = (self.experts, self.active);
        self.chosen.resize(logits.len() / experts * k, 0);
        self.gates.resize(self.chosen.len(), 0.0);
        let slots = self
            .chosen
            .chunks_exact_mut(k)
            .zip(self.gates.chunks_exact_mut(k));
        for (p, (chosen, gates)) in logits.chunks_exact_mut(experts).zip(slots) {
            softmax(p);
            let mut sum = 0.0;
            for slot in 0..k {
                let free = (0..experts).filter(|e| !chosen[..slot].contains(e));
                // The first of equals, so that the choice has one answer.
                let best = free.reduce(|best, e| if p[e] > p[best] { e } else { best });
                chosen[slot] = best.unwrap_or(0);
                gates[slot] = p[chosen[slot]];
                sum += gates[slot];
            }
            if k > 1 {
                gates.iter_mut().for_each(|gate| *gate /= sum);
            }
        }
        self.order();
    }

    /// Places the slots in the order of experts, tokens in order within each.
    fn order(&mut self) {
        self.offsets.fill(0);
        for &expert in &self.chosen {
            self.offsets[expert + 1] += 1;
        }
        for expert in 0..self.experts {
            self.offsets[expert + 1] += self.offsets[expert];
        }
        let mut next = self.offsets.clone();
        self.places.clear();
        for &expert in &self.chosen {
            self.places.push(next[expert]);
            next[expert] += 1;
        }
    }

    /// Copies `rows: [m, d]` to their slots in `slots: [m k, d]`.
    pub fn spread(&self, rows: &[f32], slots: &mut [f32], d: usize) {
        for (row, places) in rows
            .chunks_exact(d)
            .zip(self.places.chunks_exact(self.active))
        {
            for place in places {
                slots[place * d..][..d].copy_from_slice(row);
            }
        }
    }

    /// The transpose of [`Routes::spread`]: `rows` become the sums of their slots.
    pub fn gather(&self, slots: &[f32], rows: &mut [f32], d: usize) {
        let places = self.places.chunks_exact(self.active);
        for (row, places) in rows.chunks_exact_mut(d).zip(places) {
            row.fill(0.0);
            for place in places {
                for (row, slot) in row.iter_mut().zip(&slots[place * d..][..d]) {
                    *row += slot;
                }
            }
        }
    }

    /// Adds to `rows: [m, d]` the weighted sums of their slots.
    pub fn combine(&self, slots: &[f32], rows: &mut [f32], d: usize) {
        let k = self.active;
        let weighted = self.places.chunks_exact(k).zip(self.gates.chunks_exact(k));
        for (row, (places, gates)) in rows.chunks_exact_mut(d).zip(weighted) {
            for (place, gate) in places.iter().zip(gates) {
                for (row, slot) in row.iter_mut().zip(&slots[place * d..][..d]) {
                    *row += gate * slot;
                }
            }
        }
    }

    /// The gradients of [`Routes::combine`] for `drows: [m, d]`: by the slots into `dslots`, and by
    /// the weights, which are kept for [`Routes::backward`].
    pub fn combine_backward(&mut self, slots: &[f32], drows: &[f32], dslots: &mut [f32], d: usize) {
        let k = self.active;
        self.dgates.resize(self.gates.len(), 0.0);
        let weighted = self.places.chunks_exact(k).zip(self.gates.chunks_exact(k));
        let weighted = weighted.zip(self.dgates.chunks_exact_mut(k));
        for (drow, ((places, gates), dgates)) in drows.chunks_exact(d).zip(weighted) {
            for ((place, gate), dgate) in places.iter().zip(gates).zip(dgates) {
                let place = place * d..(place + 1) * d;
                *dgate = lanes::dot(&slots[place.clone()], drow);
                for (dslot, drow) in dslots[place].iter_mut().zip(drow) {
                    *dslot = gate * drow;
                }
            }
        }
    }

    /// The gradient by the logits `[m, E]`, of the loss through the weights and of `weight` times the
    /// number of tokens times the balancing loss ([`Routes::balance`]), for sequences of `context`.
    pub fn backward(&self, p: &[f32], dlogits: &mut [f32], context: usize, weight: f32) {
        let (experts, k) = (self.experts, self.active);
        let mut pull = vec![0.0; experts];
        for (sequence, chosen) in self.chosen.chunks(context * k).enumerate() {
            self.shares(chosen, &mut pull);
            // Each probability is one of `context` in its expert's mean.
            pull.iter_mut()
                .for_each(|share| *share *= BALANCE * weight * experts as f32);
            for row in sequence * context..sequence * context + chosen.len() / k {
                let slots = row * k..(row + 1) * k;
                let row = row * experts..(row + 1) * experts;
                let (p, dz) = (&p[row.clone()], &mut dlogits[row]);
                dz.copy_from_slice(&pull);
                self.add_gates(slots, p, dz);
                let mean = lanes::dot(p, dz);
                for (dz, p) in dz.iter_mut().zip(p) {
                    *dz = p * (*dz - mean);
                }
            }
        }
    }

    /// Adds to `dp: [E]` of one token the gradient through its weights.
    fn add_gates(&self, slots: std::ops::Range<usize>, p: &[f32], dp: &mut [f32]) {
        let (chosen, gates) = (&self.chosen[slots.clone()], &self.gates[slots.clone()]);
        let dgates = &self.dgates[slots];
        if let ([expert], [dgate]) = (chosen, dgates) {
            dp[*expert] += dgate;
            return;
        }
        let sum: f32 = chosen.iter().map(|&expert| p[expert]).sum();
        let mean: f32 = gates.iter().zip(dgates).map(|(g, dg)| g * dg).sum();
        for (expert, dgate) in chosen.iter().zip(dgates) {
            dp[*expert] += (dgate - mean) / sum;
        }
    }

    /// The share of slots that each expert has.
    fn shares(&self, chosen: &[usize], shares: &mut [f32]) {
        shares.fill(0.0);
        for &expert in chosen {
            shares[expert] += 1.0 / chosen.len() as f32;
        }
    }

    /// Mean over sequences of `E Σ f_e P_e`: f_e the share of an expert in the slots of a sequence,
    /// P_e its mean probability there (Fedus et al. 2021, equation 4). One where experts are used
    /// evenly; E where one has all. Taken over sequences (DeepSeek-AI 2024, arXiv 2412.19437), it
    /// does not depend on how many of them pass together, so no device trains on another loss.
    #[must_use]
    pub fn balance(&self, p: &[f32], context: usize) -> f64 {
        let experts = self.experts;
        let mut shares = vec![0.0; experts];
        let (mut sum, mut sequences) = (0.0, 0);
        let parts = self.chosen.chunks(context * self.active);
        for (chosen, p) in parts.zip(p.chunks(context * experts)) {
            self.shares(chosen, &mut shares);
            for (expert, share) in shares.iter().enumerate() {
                let p = p.iter().skip(expert).step_by(experts);
                let mean = p.map(|p| f64::from(*p)).sum::<f64>() / context as f64;
                sum += experts as f64 * f64::from(*share) * mean;
            }
            sequences += 1;
        }
        sum / f64::from(sequences)
    }
}

fn softmax(z: &mut [f32]) {
    let shift = lanes::max(z);
    for z in z.iter_mut() {
        *z = lanes::exp(*z - shift);
    }
    let inverse = 1.0 / lanes::sum(z);
    for z in z.iter_mut() {
        *z *= inverse;
    }
}

#[cfg(test)]
mod tests {
    use super::super::finite_differences::{assert_gradient, wave, weighted};
    use super::*;

    const D: usize = 6;

    /// Logits whose order no small step changes.
    fn logits(rows: usize, experts: usize) -> Vec<f32> {
        let order = |row: usize, e: usize| ((row * 5 + e * (row % 3 + 1)) % experts) as f32;
        (0..rows * experts)
            .map(|i| 0.4 * order(i / experts, i % experts) + 0.05 * (i as f32).sin())
            .collect()
    }

    fn chosen(experts: usize, active: usize, rows: usize) -> (Routes, Vec<f32>) {
        let mut p = logits(rows, experts);
        let mut routes = Routes::new(experts, active, rows);
        routes.choose(&mut p);
        (routes, p)
    }

    #[test]
    fn every_token_goes_to_its_largest_probabilities_and_none_is_dropped() {
        let (rows, experts, active) = (14, 5, 2);
        let (routes, p) = chosen(experts, active, rows);
        assert_eq!(routes.offsets()[experts], rows * active);
        let mut places = routes.places.clone();
        places.sort_unstable();
        assert!(places.iter().copied().eq(0..rows * active));
        for (row, p) in p.chunks(experts).enumerate() {
            assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let own = row * active..(row + 1) * active;
            let least = own
                .clone()
                .map(|slot| p[routes.chosen[slot]])
                .fold(1.0, f32::min);
            let larger = p.iter().filter(|p| **p > least).count();
            assert_eq!(larger, active - 1, "token {row}");
            let total: f32 = routes.gates[own.clone()].iter().sum();
            assert!((total - 1.0).abs() < 1e-6);
            for slot in own {
                let (expert, place) = (routes.chosen[slot], routes.places[slot]);
                let range = routes.offsets()[expert]..routes.offsets()[expert + 1];
                assert!(range.contains(&place));
            }
        }
    }

    #[test]
    fn a_single_expert_is_weighted_by_its_probability() {
        let (routes, p) = chosen(4, 1, 8);
        for (row, p) in p.chunks(4).enumerate() {
            let largest = p.iter().copied().fold(0.0, f32::max);
            assert_eq!(routes.gates[row], largest);
        }
    }

    #[test]
    fn balance_is_one_for_even_use_and_the_number_of_experts_for_a_single_one() {
        let mut routes = Routes::new(4, 1, 8);
        // Token i prefers expert i mod 4, by next to nothing.
        let mut even: Vec<f32> = (0..32)
            .map(|i| if i % 4 == (i / 4) % 4 { 1e-4 } else { 0.0 })
            .collect();
        routes.choose(&mut even);
        assert!((routes.balance(&even, 8) - 1.0).abs() < 1e-4);
        let mut one: Vec<f32> = (0..32)
            .map(|i| if i % 4 == 2 { 60.0 } else { 0.0 })
            .collect();
        routes.choose(&mut one);
        assert!((routes.balance(&one, 8) - 4.0).abs() < 1e-5);
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (experts, active) in [(4, 1), (4, 2), (3, 3)] {
            let (rows, context, weight) = (10, 5, 0.3);
            let slots = wave(rows * active * D, 0.2);
            let drows = wave(rows * D, 1.3);
            let objective = |z: &[f32], slots: &[f32]| {
                let (mut p, mut routes) = (z.to_vec(), Routes::new(experts, active, rows));
                routes.choose(&mut p);
                let mut out = vec![0.0; rows * D];
                routes.combine(slots, &mut out, D);
                let balance = f64::from(BALANCE * weight) * rows as f64;
                weighted(&out, &drows) + balance * routes.balance(&p, context)
            };
            let (mut routes, p) = chosen(experts, active, rows);
            let mut dslots = vec![f32::NAN; slots.len()];
            routes.combine_backward(&slots, &drows, &mut dslots, D);
            let mut dz = vec![f32::NAN; p.len()];
            routes.backward(&p, &mut dz, context, weight);
            let z = logits(rows, experts);
            assert_gradient(&z, &dz, 1e-2, 2e-3, |z| objective(z, &slots));
            assert_gradient(&slots, &dslots, 1e-2, 2e-3, |slots| objective(&z, slots));
        }
    }

    #[test]
    fn spreading_and_gathering_are_transposes() {
        let (rows, active) = (9, 2);
        let (routes, _) = chosen(4, active, rows);
        let (x, y) = (wave(rows * D, 0.1), wave(rows * active * D, 0.7));
        let (mut spread, mut gathered) = (vec![0.0; y.len()], vec![f32::NAN; x.len()]);
        routes.spread(&x, &mut spread, D);
        routes.gather(&y, &mut gathered, D);
        assert!((weighted(&spread, &y) - weighted(&gathered, &x)).abs() < 1e-4);
    }
}
