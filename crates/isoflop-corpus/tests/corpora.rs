//! Corpora from real folders: what is used, what is left out, and what is said when there is
//! nothing to use.

#![allow(clippy::unwrap_used, reason = "in tests")]

use isoflop_corpus::{Corpus, CorpusError, CorpusOptions, Document, Exclusion, SplitBy};
use isoflop_corpus::{TokenCorpus, folder_corpus, registry_corpus};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// About 2 KB of code, all of it different for different numbers.
fn code(number: usize) -> String {
    let line = |i: usize| {
        let word = blake3::hash(format!("{number} {i}").as_bytes()).to_hex();
        let word: String = word.chars().filter(char::is_ascii_alphabetic).collect();
        format!("fn {word}(input: &str) -> usize {{ input.len() }}\n")
    };
    (0..30).map(line).collect()
}

fn options() -> CorpusOptions {
    CorpusOptions {
        min_bytes: 10_000,
        ..CorpusOptions::default()
    }
}

fn groups(documents: &[Document]) -> BTreeSet<&str> {
    documents
        .iter()
        .map(|document| document.group.as_str())
        .collect()
}

/// A cargo home with crates `crate-0` to `crate-39` of three files each.
fn cargo_home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for i in 0..40 {
        for (j, file) in ["lib.rs", "deep/a.rs", "deep/b.rs"].iter().enumerate() {
            let name = format!("registry/src/index-{}/crate-{i}-1.2.0/src/{file}", i % 2);
            write(home.path(), &name, code(3 * i + j));
        }
    }
    home
}

fn excluded(corpus: &Corpus, rule: Exclusion) -> u64 {
    corpus
        .summary
        .excluded
        .get(&rule)
        .map_or(0, |count| count.files)
}

#[test]
fn the_registry_is_split_by_crate_and_named_without_the_machines_folders() {
    let home = cargo_home();
    let corpus = registry_corpus(home.path(), &options()).unwrap();
    assert_eq!(corpus.summary.split_by, SplitBy::Crate);
    assert_eq!(corpus.training.len() + corpus.validation.len(), 120);
    assert_eq!(corpus.summary.validation_groups, 10);
    assert!(groups(&corpus.training).is_disjoint(&groups(&corpus.validation)));
    assert_eq!(corpus.training[0].name, "crate-0-1.2.0/src/deep/a.rs");
    assert!(corpus.summary.excluded.is_empty());
}

#[test]
fn the_same_crates_give_the_same_corpus_in_another_place_and_registry() {
    let (one, other) = (cargo_home(), tempfile::tempdir().unwrap());
    for i in (0..40).rev() {
        for (j, file) in ["lib.rs", "deep/a.rs", "deep/b.rs"]
            .iter()
            .enumerate()
            .rev()
        {
            let name = format!("registry/src/mirror/crate-{i}-1.2.0/src/{file}");
            write(other.path(), &name, code(3 * i + j));
        }
    }
    let one = registry_corpus(one.path(), &options()).unwrap();
    let other = registry_corpus(other.path(), &options()).unwrap();
    assert_eq!(one, other);
}

#[test]
fn any_change_of_the_sources_changes_the_fingerprint() {
    let home = cargo_home();
    let before = registry_corpus(home.path(), &options())
        .unwrap()
        .fingerprint;
    let file = "registry/src/index-0/crate-0-1.2.0/src/lib.rs";
    write(home.path(), file, code(0) + "// one more line\n");
    assert_ne!(
        registry_corpus(home.path(), &options())
            .unwrap()
            .fingerprint,
        before
    );
}

#[test]
fn unsuitable_files_are_left_out_and_counted_by_rule() {
    let home = cargo_home();
    let put = |name: &str, text: &[u8]| {
        write(home.path(), &format!("registry/src/{name}"), text);
    };
    put(
        "index-0/crate-0-1.10.0-rc.1/src/new.rs",
        code(900).as_bytes(),
    );
    put(
        "index-1/crate-1-1.2.0/vendor/other/lib.rs",
        code(901).as_bytes(),
    );
    put("index-1/crate-1-1.2.0/src/mod.rs", b"mod a;");
    put(
        "index-1/crate-1-1.2.0/src/tables.rs",
        code(902).repeat(200).as_bytes(),
    );
    put(
        "index-1/crate-1-1.2.0/src/latin1.rs",
        &[code(903).as_bytes(), b"// \xE9t\xE9"].concat(),
    );
    put(
        "index-1/crate-1-1.2.0/src/made.rs",
        ("// @generated\n".to_owned() + &code(904)).as_bytes(),
    );
    put(
        "index-1/crate-1-1.2.0/src/min.rs",
        code(905).replace('\n', " ").as_bytes(),
    );
    put(
        "index-1/crate-1-1.2.0/src/data.rs",
        "0x1f, 22, 0x3c,\n".repeat(100).as_bytes(),
    );
    put("index-0/crate-2-1.2.0/src/same.rs", code(6).as_bytes());
    put(
        "index-1/crate-3-1.2.0/src/near.rs",
        (code(6) + "// and a last line\n").as_bytes(),
    );
    put("index-0/crate-4-1.2.0/README.md", code(906).as_bytes());
    let corpus = registry_corpus(home.path(), &options()).unwrap();
    for (rule, files) in [
        (Exclusion::OlderVersion, 3),
        (Exclusion::Vendored, 1),
        (Exclusion::TooSmall, 1),
        (Exclusion::TooLarge, 1),
        (Exclusion::NotUtf8, 1),
        (Exclusion::Generated, 1),
        (Exclusion::LongLines, 1),
        (Exclusion::DataTable, 1),
        (Exclusion::Duplicate, 1),
        (Exclusion::NearDuplicate, 1),
    ] {
        assert_eq!(excluded(&corpus, rule), files, "{rule}");
    }
    assert_eq!(corpus.training.len() + corpus.validation.len(), 120 - 3 + 1);
}

#[test]
fn a_limit_takes_something_from_every_crate() {
    let home = cargo_home();
    let limited = CorpusOptions {
        max_bytes: 110_000,
        ..options()
    };
    let corpus = registry_corpus(home.path(), &limited).unwrap();
    let bytes = corpus.summary.training.bytes + corpus.summary.validation.bytes;
    assert!((50_000..=110_000).contains(&bytes), "{bytes}");
    assert_eq!(
        groups(&corpus.training).len() + groups(&corpus.validation).len(),
        40
    );
    assert!(excluded(&corpus, Exclusion::OverLimit) > 0);
}

#[test]
fn a_folder_is_split_by_the_coarsest_unit_of_which_there_are_enough() {
    let [subfolders, files, single] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    for i in 0..60 {
        write(
            subfolders.path(),
            &format!("book-{}/part-{i}.txt", i % 30),
            code(i),
        );
        write(files.path(), &format!("{i}.txt"), code(i));
    }
    write(
        single.path(),
        "input.txt",
        (0..60).map(code).collect::<String>(),
    );
    for (folder, split_by) in [
        (subfolders.path(), SplitBy::Subfolder),
        (files.path(), SplitBy::File),
        (single.path(), SplitBy::Piece),
        (&single.path().join("input.txt"), SplitBy::Piece),
    ] {
        let corpus = folder_corpus(folder, &options()).unwrap();
        assert_eq!(corpus.summary.split_by, split_by);
        assert!(groups(&corpus.training).is_disjoint(&groups(&corpus.validation)));
        let bytes = corpus.summary.training.bytes + corpus.summary.validation.bytes;
        assert_eq!(bytes, (0..60).map(|i| code(i).len() as u64).sum::<u64>());
        assert!(corpus.summary.validation.bytes * 25 > bytes);
    }
}

#[test]
fn lines_of_jsonl_are_documents_from_the_field_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let line = |i| serde_json::json!({"id": i, "content": code(i)}).to_string() + "\n";
    write(
        folder.path(),
        "all.jsonl",
        (0..60).map(line).collect::<String>(),
    );
    let named = CorpusOptions {
        text_field: Some("content".into()),
        ..options()
    };
    let corpus = folder_corpus(folder.path(), &named).unwrap();
    assert_eq!(corpus.summary.split_by, SplitBy::File);
    assert_eq!(corpus.training.len() + corpus.validation.len(), 60);
    let absent = CorpusOptions {
        text_field: Some("text".into()),
        ..options()
    };
    let error = folder_corpus(folder.path(), &absent).unwrap_err();
    assert!(matches!(error, CorpusError::TextField { .. }), "{error}");
    write(folder.path(), "all.jsonl", line(1) + "{\"content\": 3}\n");
    let error = folder_corpus(folder.path(), &named).unwrap_err();
    assert!(
        matches!(error, CorpusError::JsonLine { line: 2, .. }),
        "{error}"
    );
}

#[test]
fn hidden_and_binary_files_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    (0..60).for_each(|i| write(folder.path(), &format!("{i}.txt"), code(i)));
    write(folder.path(), "picture.png", b"\x89PNG\r\n\x1a\n\0\0\0");
    write(folder.path(), "zeros", b"text\0text");
    write(folder.path(), ".git/objects/1", code(100));
    let corpus = folder_corpus(folder.path(), &options()).unwrap();
    assert_eq!(corpus.training.len() + corpus.validation.len(), 60);
    assert_eq!(excluded(&corpus, Exclusion::NotUtf8), 2);
}

/// Messages as a user sees them, with the folder's name replaced.
fn message(folder: &Path, options: &CorpusOptions) -> String {
    let error = folder_corpus(folder, options).unwrap_err().to_string();
    error.replace(&folder.display().to_string(), "DIR")
}

#[test]
fn bad_folders_are_explained_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(
        message(&path.join("none"), &options()).replace("DIR/none", "DIR"),
        "`DIR` does not exist: give a folder of text files"
    );
    assert_eq!(
        message(path, &options()),
        "`DIR` holds no files: give a folder of text files"
    );
    write(path, "a.bin", [0u8, 159, 146, 150]);
    write(path, "sub/b.bin", [255u8; 100]);
    assert_eq!(
        message(path, &options()),
        "`DIR` holds 2 files and none is readable text (not UTF-8 text: 2): \
         give a folder of UTF-8 text files"
    );
    write(path, "notes.txt", code(0));
    assert_eq!(
        message(path, &CorpusOptions::default()),
        format!(
            "`DIR` holds {:.1} KB of usable text and at least 1.0 MB is needed: \
             add more text, or give a larger folder with `--corpus DIR`",
            code(0).len() as f64 / 1e3
        )
    );
    let home = tempfile::tempdir().unwrap();
    let error = registry_corpus(home.path(), &options()).unwrap_err();
    assert!(matches!(error, CorpusError::NoRegistry { .. }), "{error}");
}

#[test]
fn tokens_come_back_from_the_cache_and_a_damaged_cache_is_made_anew() {
    let (home, cache) = (cargo_home(), tempfile::tempdir().unwrap());
    let corpus = registry_corpus(home.path(), &options()).unwrap();
    let cache = cache.path().join("made/as/needed");
    let load = || TokenCorpus::from_cache(&cache, corpus.fingerprint, 400).unwrap();
    assert_eq!(load(), None);
    let tokens = TokenCorpus::from_text(&corpus, 400, Some(&cache)).unwrap();
    assert_eq!(load().as_ref(), Some(&tokens));
    assert_eq!(TokenCorpus::from_text(&corpus, 400, None).unwrap(), tokens);
    for end in ["tokens.bin", "json"] {
        let path = cache.join(format!("{}-v400.{end}", corpus.fingerprint.short()));
        let mut contents = fs::read(&path).unwrap();
        contents.truncate(contents.len() / 2);
        fs::write(&path, contents).unwrap();
        assert_eq!(load(), None);
        assert_eq!(
            TokenCorpus::from_text(&corpus, 400, Some(&cache)).unwrap(),
            tokens
        );
        assert_eq!(load().as_ref(), Some(&tokens));
    }
}

#[test]
fn the_bytes_of_all_tokens_are_the_bytes_of_the_text() {
    let home = cargo_home();
    let corpus = registry_corpus(home.path(), &options()).unwrap();
    let tokens = TokenCorpus::from_text(&corpus, 400, None).unwrap();
    for (split, documents) in [
        (&tokens.training, &corpus.training),
        (&tokens.validation, &corpus.validation),
    ] {
        let length = |token: &u16| u64::from(tokens.token_bytes[usize::from(*token)]);
        assert_eq!(split.tokens.iter().map(length).sum::<u64>(), split.bytes);
        assert_eq!(split.documents.len(), documents.len());
        assert_eq!(split.documents.last().unwrap().end, split.tokens.len());
    }
}

#[test]
#[cfg(unix)]
fn links_to_files_are_followed_and_loops_are_not() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    (0..60).for_each(|i| write(folder.path(), &format!("sub/{i}.txt"), code(i)));
    write(elsewhere.path(), "more.txt", code(100));
    let link = |from: &Path, to: &str| std::os::unix::fs::symlink(from, folder.path().join(to));
    link(&elsewhere.path().join("more.txt"), "linked.txt").unwrap();
    link(folder.path(), "sub/loop").unwrap();
    let corpus = folder_corpus(folder.path(), &options()).unwrap();
    assert_eq!(corpus.training.len() + corpus.validation.len(), 61);
}
