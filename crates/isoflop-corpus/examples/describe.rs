//! Says what a corpus is made of and how long each step takes.
//!
//! `cargo run --release -p isoflop-corpus --example describe [FOLDER] [VOCABULARY]`

use isoflop_corpus::{CorpusOptions, TextTokenizer, TokenCorpus};
use isoflop_corpus::{cargo_home, folder_corpus, registry_corpus};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().filter(|folder| folder != "registry");
    let vocab_size = arguments.next().map_or(Ok(1024), |size| size.parse())?;
    let options = CorpusOptions::default();

    let start = Instant::now();
    let corpus = match folder {
        Some(folder) => folder_corpus(folder.as_ref(), &options)?,
        None => registry_corpus(&cargo_home()?, &options)?,
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
