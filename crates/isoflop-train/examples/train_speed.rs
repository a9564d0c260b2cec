//! Full training steps in tokens per second, and the rate that the matrix products alone allow.
//!
//! `train_speed WIDTH LAYERS [SECONDS] [--products|cpu|cuda|cuda-tf32]` prints one number; `bench/train/compare.py`
//! runs it in turn with PyTorch.

use isoflop_train::kernels::matmul::{Rows, RowsMut};
use isoflop_train::{Architecture, Decay, Device, ModelShape, Schedule, TrainSpec, Trainer};
use rayon::prelude::*;
use std::time::Instant;

const BATCH: usize = 16;
const CONTEXT: usize = 256;
const VOCABULARY: usize = 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).and_then(|text| text.parse::<f64>().ok());
    let (Some(width), Some(layers)) = (number(0), number(1)) else {
        return Err(
            "usage: train_speed WIDTH LAYERS [SECONDS] [--products|cpu|cuda|cuda-tf32]".into(),
        );
    };
    let seconds = number(2).unwrap_or(3.0);
    let device: Device = match arguments.get(3).map(String::as_str) {
        None | Some("--products") => Device::Cpu,
        Some(name) => name.parse()?,
    };
    let shape = ModelShape {
        layers: layers as usize,
        width: width as usize,
        heads: width as usize / 32,
        vocabulary: VOCABULARY,
        context: CONTEXT,
        architecture: Architecture::PLAIN,
    };
    let rate = if arguments.iter().any(|a| a == "--products") {
        products(&shape, seconds)
    } else {
        training(shape, seconds, device)?
    };
    println!("{rate:.0}");
    Ok(())
}

fn training(
    shape: ModelShape,
    seconds: f64,
    device: Device,
) -> Result<f64, Box<dyn std::error::Error>> {
    let spec = TrainSpec {
        shape,
        batch: BATCH,
        schedule: Schedule {
            warmup: 10,
            steps: 1_000_000,
            decay: Decay::Linear,
        },
        learning_rate: 1e-3,
        embedding_rate: 1.0,
        beta1: 0.9,
        beta2: 0.95,
        weight_decay: 0.1,
        optimizer: isoflop_train::Optimizer::AdamW,
        clip: 1.0,
        seed: 0,
    };
    let text: Vec<u16> = (0..100_000_u64)
        .map(|i| ((i * i / 7 + i * 31) % VOCABULARY as u64) as u16)
        .collect();
    let mut trainer = Trainer::new_on(device, spec)?;
    let mut at = 0;
    let mut step = |trainer: &mut Trainer| {
        at = (at + 4999) % 90_000;
        trainer.step(|i| &text[at + i * 256..][..=CONTEXT])
    };
    for _ in 0..3 {
        step(&mut trainer)?;
    }
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < seconds {
        step(&mut trainer)?;
        steps += 1;
    }
    Ok(f64::from(steps) * (BATCH * CONTEXT) as f64 / start.elapsed().as_secs_f64())
}

/// Only the matrix products of a step, on warm buffers, each thread on its own sequences: the
/// bound that everything else is measured against. Attention counts as the full square, as a
/// framework's plain products would do it.
fn products(shape: &ModelShape, seconds: f64) -> f64 {
    let start = Instant::now();
    let steps: usize = (0..rayon::current_num_threads())
        .into_par_iter()
        .with_max_len(1)
        .map(|_| {
            let mut buffers = Buffers::new(shape);
            let mut sequences = 0;
            while start.elapsed().as_secs_f64() < seconds {
                buffers.one_sequence(shape);
                sequences += 1;
            }
            sequences
        })
        .sum();
    (steps * CONTEXT) as f64 / start.elapsed().as_secs_f64()
}

struct Buffers {
    narrow: Vec<f32>,
    wide: Vec<f32>,
    weight: Vec<f32>,
    gradient: Vec<f32>,
}

impl Buffers {
    fn new(shape: &ModelShape) -> Self {
        let (widest, d) = ((4 * shape.width).max(VOCABULARY), shape.width);
        Self {
            narrow: vec![0.01; CONTEXT * widest],
            wide: vec![0.01; CONTEXT * widest],
            weight: vec![0.01; widest * 4 * d],
            gradient: vec![0.0; widest * 4 * d],
        }
    }

    fn one_sequence(&mut self, shape: &ModelShape) {
        let d = shape.width;
        for _ in 0..shape.layers {
            for (k, n) in [(d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)] {
                self.linear(k, n);
            }
            for _ in 0..shape.heads {
                self.attention(shape.head_width());
            }
        }
        self.linear(d, VOCABULARY);
    }

    /// `y = x W`, `dx = dy Wᵀ`, `dW += xᵀ dy`.
    fn linear(&mut self, k: usize, n: usize) {
        let t = CONTEXT;
        let weight = Rows::new(&self.weight, k, n);
        RowsMut::new(&mut self.wide, t, n).set(Rows::new(&self.narrow, t, k), weight);
        RowsMut::new(&mut self.narrow, t, k).set(Rows::new(&self.wide, t, n), weight.t());
        RowsMut::new(&mut self.gradient, k, n).add(
            Rows::new(&self.narrow, t, k).t(),
            Rows::new(&self.wide, t, n),
        );
        // Keeps the values from growing without bound, which would slow nothing but mislead.
        self.narrow[0] = 0.01;
    }

    /// Two products forward and four backward of `[t, t]` with `[t, width]`.
    fn attention(&mut self, width: usize) {
        let t = CONTEXT;
        for _ in 0..3 {
            let narrow = Rows::new(&self.narrow, t, width);
            RowsMut::new(&mut self.wide, t, t).set(narrow, narrow.t());
            RowsMut::new(&mut self.gradient, t, width).set(Rows::new(&self.wide, t, t), narrow);
        }
    }
}
