//! The corpora that the fuzzer keeps, fed to the same readers (`fuzz/README.md`): every input that
//! once mattered is read again by every test run, without the fuzzer.

#[path = "../../../fuzz/entries.rs"]
mod entries;

use std::path::Path;

#[test]
fn every_kept_input_is_read_without_a_panic() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, feed) in entries::ENTRIES {
        let files = std::fs::read_dir(corpora.join(name)).expect("a corpus for each target");
        let mut fed = 0;
        for file in files {
            let path = file.expect("a file").path();
            let bytes = std::fs::read(&path).expect("readable");
            let outcome = std::panic::catch_unwind(|| feed(&bytes));
            assert!(outcome.is_ok(), "{} makes its reader panic", path.display());
            fed += 1;
        }
        assert!(fed > 0, "the corpus of {name} is empty");
    }
}
