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
