//! Says what a corpus is made of and how long each step takes.
//!
//! `cargo run --release -p isoflop-corpus --example describe [FOLDER|registry|synthetic] [VOCABULARY]`

use isoflop_corpus::{CorpusOptions, RuleSource, RuleSourceSpec, TextTokenizer, TokenCorpus};
use isoflop_corpus::{cargo_home, folder_corpus, registry_corpus};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| "registry".to_owned());
    let vocab_size = arguments.next().map_or(Ok(1024), |size| size.parse())?;
    match place.as_str() {
        "synthetic" => describe_synthetic(),
        place => describe_text(place, vocab_size),
    }
}

fn describe_synthetic() -> Result<(), Box<dyn Error>> {
    let source = RuleSource::new(RuleSourceSpec::default())?;
    println!("{}", serde_json::to_string_pretty(source.spec())?);
    println!(
        "entropy rate {:.6} nats a token",
        source.entropy_rate().get()
    );
    let rules = source.spec().subjects * source.spec().modifiers;
    for known in (0..=12).map(|power| rules >> power) {
        println!(
            "loss knowing {known:>5} rules {:.4}",
            source.loss_knowing(known).get()
        );
    }
    let start = Instant::now();
    let corpus = source.corpus(30_000_000, 1_000_000, 1)?;
    println!(
        "31 million tokens in {:.2?}: {}",
        start.elapsed(),
        corpus.fingerprint
    );
    Ok(())
}

fn describe_text(place: &str, vocab_size: usize) -> Result<(), Box<dyn Error>> {
    let options = CorpusOptions::default();
    let start = Instant::now();
    let corpus = match place {
        "registry" => registry_corpus(&cargo_home()?, &options)?,
        folder => folder_corpus(folder.as_ref(), &options)?,
    };
    println!(
        "gathered in {:.2?}: {}",
        start.elapsed(),
        corpus.fingerprint
    );
    println!("{}", serde_json::to_string_pretty(&corpus.summary)?);

    let start = Instant::now();
    let tokenizer = TextTokenizer::train(&corpus.training, vocab_size)?;
    println!(
        "tokeniser of {} tokens in {:.2?}",
        tokenizer.vocab_size(),
        start.elapsed()
    );

    let cache = tempfile::tempdir()?;
    for state in ["empty", "full"] {
        let start = Instant::now();
        let tokens = TokenCorpus::from_text(&corpus, vocab_size, Some(cache.path()))?;
        println!(
            "cache {state}: {} training and {} validation tokens, {:.3} bytes a token, in {:.2?}",
            tokens.training.tokens.len(),
            tokens.validation.tokens.len(),
            tokens.bytes_per_token(),
            start.elapsed(),
        );
    }
    Ok(())
}
