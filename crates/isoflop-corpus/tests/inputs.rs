//! Files that other tools wrote (`inputs/make.py`), and files that are broken.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use isoflop_corpus::{
    Corpus, CorpusError, CorpusOptions, TextTokenizer, TokenCorpus, folder_corpus, token_files,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inputs")
        .join(name)
}

fn options(field: Option<&str>) -> CorpusOptions {
    CorpusOptions {
        min_bytes: 1000,
        text_field: field.map(str::to_owned),
        ..CorpusOptions::default()
    }
}

fn texts(corpus: &Corpus) -> BTreeSet<String> {
    let documents = corpus.training.iter().chain(&corpus.validation);
    documents.map(|document| document.text.clone()).collect()
}

/// The texts as Python's `datasets` was given them.
fn written() -> BTreeSet<String> {
    let lines = fs::read_to_string(sample("datasets.jsonl")).unwrap();
    let text = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["content"].as_str().unwrap().to_owned()
    };
    lines.lines().map(text).collect()
}

#[test]
fn json_lines_of_datasets_are_read_plain_and_packed() {
    assert!(written().len() > 25);
    for name in ["datasets.jsonl", "lines.jsonl.gz", "lines.jsonl.zst"] {
        let corpus = folder_corpus(&sample(name), &options(None)).unwrap();
        assert_eq!(texts(&corpus), written(), "{name}");
        assert_eq!(corpus.summary.guessed_fields, ["content"], "{name}");
        let named = folder_corpus(&sample(name), &options(Some("content"))).unwrap();
        assert_eq!(named.summary.guessed_fields, Vec::<String>::new());
        assert_eq!(named.fingerprint, corpus.fingerprint);
    }
}

#[test]
#[cfg(feature = "parquet")]
fn text_columns_of_parquet_tables_are_read_with_nulls_as_blank_documents() {
    use isoflop_corpus::Exclusion;
    let corpus = folder_corpus(&sample("datasets.parquet"), &options(None)).unwrap();
    assert_eq!(texts(&corpus), written());
    assert_eq!(corpus.summary.guessed_fields, ["content"]);
    let corpus = folder_corpus(&sample("arrow.parquet"), &options(Some("story"))).unwrap();
    assert_eq!(texts(&corpus), written());
    assert_eq!(corpus.summary.excluded[&Exclusion::TooSmall].files, 1);
    let error = folder_corpus(&sample("arrow.parquet"), &options(None)).unwrap_err();
    let error = error.to_string();
    assert!(error.ends_with("does not say where its text is: its text is in `story`, `kind`; name the field with `--text-field`"), "{error}");
    let few = CorpusOptions {
        max_bytes: 6000,
        ..options(Some("story"))
    };
    let corpus = folder_corpus(&sample("arrow.parquet"), &few).unwrap();
    assert!(
        texts(&corpus).len() < written().len()
            && corpus.summary.excluded[&Exclusion::OverLimit].bytes > 0
    );
}

#[test]
#[cfg(feature = "parquet")]
fn a_parquet_table_that_is_cut_off_or_changed_is_an_error_or_text_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let whole = fs::read(sample("datasets.parquet")).unwrap();
    for end in (0..whole.len()).step_by(97) {
        fs::write(&path, &whole[..end]).unwrap();
        let error = folder_corpus(&path, &options(None)).unwrap_err();
        assert!(matches!(error, CorpusError::Parquet { .. }), "{error}");
    }
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, &changed).unwrap();
        let _ = folder_corpus(&path, &options(None));
    }
}

#[test]
#[cfg(not(feature = "parquet"))]
fn a_build_without_parquet_says_what_to_do() {
    let error = folder_corpus(&sample("datasets.parquet"), &options(None)).unwrap_err();
    assert!(error.to_string().contains("--features full"), "{error}");
}

#[test]
fn tokens_of_a_tokenizer_json_equal_those_of_the_python_package() {
    let expected: BTreeMap<String, Vec<Vec<u16>>> =
        serde_json::from_str(&fs::read_to_string(sample("tokens.json")).unwrap()).unwrap();
    let lines = fs::read_to_string(sample("datasets.jsonl")).unwrap();
    let rows: Vec<String> = lines
        .lines()
        .take(4)
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["content"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(expected.len(), 3);
    for (name, expected) in expected {
        let path = sample(&format!("{name}.tokenizer.json"));
        let tokenizer = TextTokenizer::from_file(&path).unwrap();
        assert_eq!(tokenizer.encode(&rows).unwrap(), expected, "{name}");
        let decoded = tokenizer.decode(&expected[0]);
        match name.as_str() {
            "byte-level" => assert_eq!(decoded.unwrap(), rows[0].as_bytes()),
            // Lower case, and white space that is normalised, do not spell the text.
            _ => assert_eq!(decoded, None, "{name}"),
        }
        assert!(tokenizer.end_of_text().is_some(), "{name}");
    }
}

#[test]
fn a_given_tokeniser_makes_another_corpus_of_the_same_text_and_is_cached() {
    let cache = tempfile::tempdir().unwrap();
    let corpus = folder_corpus(&sample("datasets.jsonl"), &options(None)).unwrap();
    let mut prints = BTreeSet::from([corpus.fingerprint]);
    for name in ["byte-level", "word-piece", "unigram"] {
        let path = sample(&format!("{name}.tokenizer.json"));
        let tokenizer = TextTokenizer::from_file(&path).unwrap();
        let tokens = TokenCorpus::with_tokenizer(&corpus, &tokenizer, Some(cache.path())).unwrap();
        assert!(prints.insert(tokens.fingerprint), "{name}");
        let (size, print) = (tokens.vocab_size, tokens.fingerprint);
        let cached = TokenCorpus::from_cache(cache.path(), print, size).unwrap();
        assert_eq!(cached, Some(tokens.clone()));
        let validation = tokens.validation_set(8, 10).unwrap();
        let loss = validation
            .loss(&vec![3.0; validation.windows.len()])
            .unwrap();
        // Bits per byte are stated only where tokens spell the bytes of the text.
        assert_eq!(loss.bits_per_byte.is_some(), name == "byte-level");
    }
}

#[test]
fn token_files_of_nanogpt_and_llmc_hold_the_same_text() {
    let tokenizer = TextTokenizer::from_file(&sample("byte-level.tokenizer.json")).unwrap();
    let read = |folder: &str, tokenizer| {
        let files = token_files(&sample(folder)).unwrap().unwrap();
        TokenCorpus::from_token_files(&files, tokenizer, u64::MAX)
            .unwrap()
            .corpus
    };
    let nano = read("nanogpt", Some(&tokenizer));
    assert_eq!(nano.fingerprint, read("llmc", None).fingerprint);
    assert_eq!(nano.vocab_size, 400);
    let text = String::from_utf8(tokenizer.decode(&nano.training.tokens).unwrap()).unwrap();
    assert!(written().iter().filter(|row| text.contains(*row)).count() > 20);
    let validation = nano.validation_set(16, 10).unwrap();
    assert!(validation.loss(&[3.0; 10]).unwrap().bits_per_byte.is_some());
}

#[test]
fn tokens_that_the_tokeniser_does_not_have_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.bin");
    let tokens: Vec<u8> = [3u16, 399, 400, 5]
        .iter()
        .flat_map(|t| t.to_le_bytes())
        .collect();
    fs::write(&path, tokens).unwrap();
    let files = token_files(&path).unwrap().unwrap();
    let tokenizer = TextTokenizer::from_file(&sample("byte-level.tokenizer.json")).unwrap();
    let error = TokenCorpus::from_token_files(&files, Some(&tokenizer), u64::MAX);
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("its token number 2 is 400, and the tokeniser has a vocabulary of 400"),
        "{error}"
    );
}

#[test]
fn broken_files_are_explained_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let packed = fs::read(sample("lines.jsonl.gz")).unwrap();
    let said = |name: &str, contents: &[u8], field: Option<&str>| {
        fs::write(at(name), contents).unwrap();
        let error = folder_corpus(&at(name), &options(field)).unwrap_err();
        error
            .to_string()
            .replace(&at(name).display().to_string(), "F")
    };
    for (name, contents, field, expected) in [
        (
            "a.jsonl",
            &b"plain text\n"[..],
            None,
            "line 1 of `F` is not a JSON object: a `.jsonl` file holds one object a line",
        ),
        (
            "b.jsonl",
            b"{\"a\": \"x\", \"b\": \"y\"}\n",
            None,
            "`F` does not say where its text is: its text is in `a`, `b`; name the field with `--text-field`",
        ),
        (
            "c.jsonl",
            b"{\"text\": \"x\"}\n",
            Some("body"),
            "`F` has no text in the field `body`: its text is in `text`",
        ),
        (
            "d.jsonl",
            b"{\"n\": 1}\n",
            None,
            "`F` does not say where its text is: none of its fields holds text; name the field with `--text-field`",
        ),
        (
            "e.jsonl",
            b"{\"text\": \"x\"}\n{\"text\": 3}\n",
            None,
            "line 2 of `F` is not a JSON object with a text in the field `text`: mend the line, or name another field with `--text-field`",
        ),
        (
            "f.txt",
            b"\xff\xfe\x00t",
            None,
            "`F` holds 1 files and none is readable text (not UTF-8 text: 1): give a folder of UTF-8 text files",
        ),
        (
            "g.txt",
            b"",
            None,
            "`F` holds 1 files and none is readable text (too small: 1): give a folder of UTF-8 text files",
        ),
    ] {
        assert_eq!(said(name, contents, field), expected);
    }
    let cut = said("h.jsonl.gz", &packed[..packed.len() / 2], None);
    assert!(
        cut.starts_with("cannot unpack `F`: ") && cut.ends_with("damaged or cut off"),
        "{cut}"
    );
}

#[test]
fn files_that_are_no_tokenisers_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let good = fs::read_to_string(sample("byte-level.tokenizer.json")).unwrap();
    let mut large: Value = serde_json::from_str(&good).unwrap();
    large["added_tokens"][0]["id"] = 70_000.into();
    large["model"]["vocab"]["<|endoftext|>"] = 70_000.into();
    let large = large.to_string();
    for (contents, expected) in [
        (&b""[..], "EOF"),
        (b"\xff\xfe", "not text"),
        (b"{}", ""),
        (
            large.as_bytes(),
            "its vocabulary of 70001 is larger than 65536",
        ),
        (&good.as_bytes()[..good.len() / 2], ""),
    ] {
        fs::write(&path, contents).unwrap();
        let error = TextTokenizer::from_file(&path).err().unwrap().to_string();
        assert!(
            error.contains("is not a usable `tokenizer.json`: "),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    }
    let missing = TextTokenizer::from_file(&folder.path().join("none"));
    assert!(matches!(missing.err().unwrap(), CorpusError::Read { .. }));
}
