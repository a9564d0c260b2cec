//! Final loss against peak learning rate for some sizes of the family: the sweep behind
//! `docs/recipe.md`.
//!
//! `learning_rate CACHE RATES(,) [WIDTHS(,)] [TOKENS_PER_PARAMETER] [SEEDS] [MUON(,)]` gathers the registry
//! corpus (kept in CACHE), trains every size at every rate with its own schedule, and prints one
//! CSV row a run. MUON are rates of hidden matrices as multiples of the learning rate; without them
//! AdamW trains everything, which is `muon` 0 in the table. RATES are those of a run over a million tokens, as in `Recipe`; `peak` is what
//! the run had.

use isoflop_corpus::{CorpusOptions, TokenCorpus, cargo_home, registry_corpus};
use isoflop_train::{Optimizer, Recipe, Trainer};
use std::path::Path;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cache, rates, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: learning_rate CACHE RATES(,) [WIDTHS(,)] [TOKENS_PER_PARAMETER] [SEEDS] [MUON(,)]".into(),
        );
    };
    let rates = numbers(rates)?;
    let widths = rest
        .first()
        .map_or(Ok(vec![32.0, 64.0, 96.0]), |text| numbers(text))?;
    let ratio: f64 = rest.get(1).map_or(Ok(20.0), |text| text.parse())?;
    let seeds: u64 = rest.get(2).map_or(Ok(1), |text| text.parse())?;
    let muon = rest.get(3).map_or(Ok(vec![0.0]), |text| numbers(text))?;
    let recipe = Recipe::default();
    let text = registry_corpus(&cargo_home()?, &CorpusOptions::default())?;
    let corpus = TokenCorpus::from_text(&text, recipe.vocabulary, Some(Path::new(cache)))?;
    println!("width,layers,params,tokens,rate,muon,seed,loss,standard_error");
    for shape in recipe
        .family()
        .filter(|shape| widths.contains(&(shape.width as f64)))
    {
        let params = shape.params()?.get();
        let steps = (ratio * params / recipe.batch_tokens() as f64).ceil() as u64;
        for (rate, muon) in rates
            .iter()
            .flat_map(|rate| muon.iter().map(move |m| (rate, m)))
        {
            for seed in 0..seeds {
                let recipe = Recipe {
                    learning_rate: *rate as f32,
                    ..recipe
                };
                let mut spec = recipe.spec(shape, steps, seed);
                if *muon > 0.0 {
                    spec.optimizer = Optimizer::Muon {
                        rate: *muon as f32,
                        momentum: 0.95,
                    };
                }
                let (loss, error) = final_loss(&corpus, &recipe, spec)?;
                let tokens = steps as usize * recipe.batch_tokens();
                let (width, layers) = (shape.width, shape.layers);
                println!(
                    "{width},{layers},{params},{tokens},{rate},{muon},{seed},{loss:.4},{error:.4}"
                );
            }
        }
    }
    Ok(())
}

fn final_loss(
    corpus: &TokenCorpus,
    recipe: &Recipe,
    spec: isoflop_train::TrainSpec,
) -> Result<(f64, f64), AnyError> {
    let windows = corpus.training_windows(recipe.context, recipe.batch, spec.seed)?;
    let validation = corpus.validation_set(recipe.context, 4096)?;
    let mut trainer = Trainer::new(spec)?;
    while !trainer.is_finished() {
        let step = trainer.steps_done();
        if let Err(error) = trainer.step(|i| windows.window(step, i)) {
            eprintln!("{error}");
            return Ok((f64::NAN, f64::NAN));
        }
    }
    let held_out: Vec<&[u16]> = validation
        .windows
        .iter()
        .map(|window| window.tokens)
        .collect();
    let loss = validation.loss(&trainer.evaluate(&held_out)?)?;
    Ok((loss.loss.get(), loss.standard_error))
}

fn numbers(text: &str) -> Result<Vec<f64>, AnyError> {
    Ok(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
}
