//! Reads the public measurements in `data/`.

use isoflop_fit::{Dataset, Observation};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use std::path::Path;

/// The 240 runs that Besiroglu et al. 2024 fit.
pub fn chinchilla_240() -> Dataset {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/chinchilla_epoch.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let (n, d, c) = (column("params_total"), column("tokens"), column("flops"));
    let (loss, excluded) = (column("loss"), column("epoch_excluded"));
    let mut observations = Vec::new();
    for record in reader.records().map(Result::unwrap) {
        let number = |index: usize| record[index].parse::<f64>().unwrap();
        if number(excluded) == 0.0 {
            observations.push(Observation {
                params: Params::new(number(n)).unwrap(),
                tokens: Tokens::new(number(d)).unwrap(),
                unique_tokens: None,
                quality: None,
                flops: Flops::new(number(c)).unwrap(),
                loss: Loss::new(number(loss)).unwrap(),
                loss_std: None,
                cluster: observations.len(),
            });
        }
    }
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations,
    }
}

/// Checkpoints of runs on a known surface, 100 of each run, with errors of about half a per cent.
#[allow(
    dead_code,
    reason = "tests and benches share this file and use different parts of it"
)]
pub fn many(rows: usize) -> Dataset {
    let truth = isoflop_laws::laws::Chinchilla::BESIROGLU_2024;
    let observations = (0..rows).map(|k| {
        let (run, checkpoint) = (k / 100, k % 100);
        // Golden-ratio steps spread sizes evenly.
        let place = (run as f64 * 0.618_034).fract();
        let params = Params::new(1e7 * 1000f64.powf(place)).unwrap();
        let tokens = params.get() * 40.0 * (checkpoint + 1) as f64 / 100.0;
        let tokens = Tokens::new(tokens).unwrap();
        let error = 0.004 * (k as f64 * 1.7).sin() + 0.004 * (run as f64 * 2.3).sin();
        let loss = isoflop_laws::LossSurface::loss(&truth, params, tokens).unwrap();
        Observation {
            params,
            tokens,
            unique_tokens: None,
            quality: None,
            flops: Flops::six_nd(params, tokens),
            loss: Loss::new(loss.get() * error.exp()).unwrap(),
            loss_std: None,
            cluster: run,
        }
    });
    Dataset {
        param_count: ParamCount::Total,
        flop_count: FlopCount::SixNd,
        observations: observations.collect(),
    }
}
