//! Files as people have them, read as a user's command would.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use isoflop_runs::{
    Column, ColumnMap, Format, ImportOptions, Imported, RowsAre, Run, SelectionOptions, Status,
    Store, import_bytes, import_file, write_csv, write_jsonl,
};
use proptest::prelude::*;

fn import(name: &str, text: &str) -> Imported {
    import_bytes(name, text.as_bytes(), &ImportOptions::default()).unwrap()
}

fn error(name: &str, bytes: &[u8]) -> String {
    let error = import_bytes(name, bytes, &ImportOptions::default());
    error.unwrap_err().to_string()
}

const MESSY: &str = "\
model,N (M),tokens,eval_loss,train_loss,lr,state,steps
tiny,70,1.4B,3.41,3.30,1e-3,finished,10
big,7000,\"140,000,000,000\",2.31,2.2,cosine,completed,10
gone,70,2.8B,,3.1,1e-3,crashed,7
wild,70,2.8B,NaN,3.1,1e-3,finished,412
zero,0,2.8B,3.3,3.1,1e-3,finished,10
short,70,2.8B
minus,70,2.8B,-1,3.1,1e-3,finished,10
none,70,n/a,3.3,3.1,1e-3,finished,10
comma,70,\"2,8\",3.3,3.1,1e-3,finished,10
";

#[test]
fn every_row_of_a_messy_table_is_used_or_listed_with_its_line_and_reason() {
    let imported = import("runs/ladder.csv", MESSY);
    let selection = imported.select(SelectionOptions::default());
    let mut shown = String::new();
    for index in &selection.used {
        let row = &imported.rows[*index];
        let (n, d) = (row.run.params.unwrap(), row.run.tokens.unwrap());
        shown += &format!("used    {}: {} N={n} D={d}\n", row.line, row.run.run);
    }
    for dropped in &selection.dropped {
        let line = dropped.line.unwrap();
        shown += &format!("dropped {line}: {} {}\n", dropped.run, dropped.reason);
    }
    for guess in &imported.columns {
        shown += &format!("column  {guess}\n");
    }
    for note in &selection.notes {
        shown += &format!("note    {note}\n");
    }
    insta::assert_snapshot!(shown, @r#"
    used    2: ladder.csv:2 N=70M D=1.4B
    used    3: ladder.csv:3 N=7B D=140B
    dropped 4: ladder.csv:4 failed: crashed
    dropped 5: ladder.csv:5 diverged: loss is NaN at step 412
    dropped 6:  params: 0 is not a number of parameters: expected a positive finite number such as 7B or 1.3e9
    dropped 7:  the row has 3 cells, the header has 8
    dropped 8:  loss is -1: a positive number is expected
    dropped 9: ladder.csv:9 two of params, tokens and flops are needed
    dropped 10:  tokens `2,8` has a comma that could be a decimal point: write a point instead
    column  `model` read as family
    column  `N (M)` read as params: numbers times 1e6
    column  `tokens` read as tokens
    column  `eval_loss` read as loss
    column  `train_loss` kept as label_train_loss: loss is read from `eval_loss`
    column  `lr` read as lr
    column  `state` read as status
    column  `steps` read as step
    note    C of 2 runs was not given and is derived as 6ND, N being total parameters
    note    line 3: lr `cosine` is left empty: expected a number, zero or more
    "#);
}

#[test]
fn the_same_runs_in_every_format_give_the_same_data() {
    let csv = "N,D,loss\n7B,140B,2.31\n1e9,2e10,2.9\n";
    let texts = [
        ("a.csv", csv.to_owned()),
        ("a.tsv", csv.replace(',', "\t")),
        ("a.csv", csv.replace(',', ";")),
        ("a.csv", format!("\u{feff}{}", csv.replace('\n', "\r\n"))),
        (
            "a.json",
            r#"[{"N": "7B", "D": 140000000000, "loss": 2.31}, {"N": 1e9, "D": 2e10, "loss": 2.9}]"#
                .to_owned(),
        ),
        (
            "a.jsonl",
            "{\"N\": \"7B\", \"D\": 1.4e11, \"loss\": 2.31}\n{\"N\":1e9,\"D\":2e10,\"loss\":2.9}\n"
                .to_owned(),
        ),
        (
            "-",
            "{\"N\": \"7B\", \"D\": 1.4e11, \"loss\": 2.31}\n{\"N\":1e9,\"D\":2e10,\"loss\":2.9}\n"
                .to_owned(),
        ),
        (
            "columns.json",
            r#"{"N": ["7B", 1e9], "D": [1.4e11, 2e10], "loss": [2.31, 2.9]}"#.to_owned(),
        ),
    ];
    let first = import("a.csv", csv).select(SelectionOptions::default());
    assert_eq!(first.dataset.observations.len(), 2);
    assert_eq!(first.dataset.param_count, ParamCount::Total);
    assert_eq!(first.dataset.flop_count, FlopCount::SixNd);
    for (name, text) in texts {
        let selection = import(name, &text).select(SelectionOptions::default());
        assert_eq!(selection.dataset, first.dataset, "{name}: {text}");
    }
}

#[test]
fn a_bare_nan_in_json_is_labelled_and_written_as_null_with_its_reason() {
    let imported = import(
        "a.jsonl",
        "{\"run\": \"a\", \"N\": 1e8, \"D\": 1e9, \"loss\": NaN, \"step\": 40}\n\
         {\"run\": \"b\", \"N\": 1e8, \"D\": 1e9, \"loss\": 1e999}\n",
    );
    let runs = imported.runs();
    assert_eq!(runs[0].status, Status::Diverged);
    assert_eq!(runs[0].reason.as_deref(), Some("loss is NaN at step 40"));
    assert_eq!(runs[1].reason.as_deref(), Some("loss is 1e999"));
    assert!(Column::Loss.value(&runs[0]).is_null());
    let selection = imported.select(SelectionOptions::default());
    assert_eq!(selection.dropped.len(), 2);
    assert_eq!(selection.dropped[1].line, Some(2));
}

#[test]
fn a_semicolon_table_with_decimal_commas_is_refused_and_not_misread() {
    let imported = import("a.csv", "N;D;loss\n1,234;2e9;3.0\n1e6;2e9;3,25\n");
    assert!(imported.rows.is_empty());
    assert!(imported.dropped[0].reason.contains("decimal point"));
    assert!(
        imported.dropped[1]
            .reason
            .contains("`3,25` is not a number")
    );
}

#[test]
fn points_to_forecast_need_no_loss() {
    let options = ImportOptions {
        rows: RowsAre::Points,
        ..ImportOptions::default()
    };
    let read = |text: &str| import_bytes("points.csv", text.as_bytes(), &options);
    let points = read("N,D\n7B,140B\n").unwrap();
    assert_eq!(points.rows[0].run.params, Params::new(7e9).ok());
    assert_eq!(read("C\n1e22\n").unwrap().rows.len(), 1);
    let error = read("N,loss\n7B,2.1\n").unwrap_err().to_string();
    assert!(error.contains("flops, or params and tokens"), "{error}");
}

#[test]
fn what_cannot_be_imported_is_one_sentence_that_says_what_to_do() {
    let shown = [
        error("empty.csv", b" \n"),
        error("noloss.csv", b"N,D,score\n1,2,3\n"),
        error("nosize.csv", b"N,width,loss\n1,2,3\n"),
        error("broken.json", b"[{\"N\": 1},\n {\"N\" 2}]"),
        error("image.csv", b"\x89PNG\r\n\x1a\n\0\0\0"),
        error("latin1.json", b"[{\"N\xe9\": 1}]"),
    ]
    .join("\n");
    insta::assert_snapshot!(shown, @r#"
    empty.csv is empty: expected a header and one run a line
    no column of noloss.csv is read as loss; its columns are `N`, `D`, `score`: say which with `--map theirs=ours`, or give one value for all runs with `isoflop import --set`
    no column of nosize.csv is read as two of params, tokens and flops; its columns are `N`, `width`, `loss`: say which with `--map theirs=ours`, or give one value for all runs with `isoflop import --set`
    broken.json is not JSON: expected `:` at line 2 column 7
    image.csv is not UTF-8 text: expected CSV, TSV, JSON or JSONL
    latin1.json is not UTF-8 text: expected CSV, TSV, JSON or JSONL
    "#);
}

#[test]
fn a_byte_that_is_no_text_costs_its_row_and_not_the_file() {
    let csv = b"run,N,D,loss\na,1e8,2e9,3.1\nb\xff,1e8,2e9,3.1\nc\0,1e8,2e9,\0\nd,1e8,3e9,3.0\n";
    let jsonl = b"{\"run\":\"a\",\"N\":1e8,\"D\":2e9,\"loss\":3.1}\n\
        {\"run\":\"b\xff\",\"N\":1e8,\"D\":2e9,\"loss\":3.1}\n\
        {\"run\":\"c\",\"N\":1e8,\"D\":2e9,\"loss\":\0}\n\
        {\"run\":\"d\",\"N\":1e8,\"D\":3e9,\"loss\":3.0}\n";
    for (name, bytes, first) in [("a.csv", &csv[..], 3), ("a.jsonl", &jsonl[..], 2)] {
        let imported = import_bytes(name, bytes, &ImportOptions::default()).unwrap();
        let names: Vec<String> = imported.runs().into_iter().map(|run| run.run).collect();
        assert_eq!(names, ["a", "d"], "{name}");
        let lines: Vec<Option<u64>> = imported.dropped.iter().map(|row| row.line).collect();
        assert_eq!(lines, [Some(first), Some(first + 1)], "{name}");
        assert!(imported.dropped[0].reason.contains("UTF-8"), "{name}");
    }
}

#[test]
fn a_mapping_to_or_from_a_column_that_does_not_exist_is_refused() {
    let mut map = ColumnMap::default();
    assert!(
        map.add("score=los")
            .unwrap_err()
            .to_string()
            .contains("`los` is not a column")
    );
    assert!(map.add("score").is_err());
    map.add("score=loss").unwrap();
    let options = ImportOptions {
        format: Some(Format::Csv),
        map,
        ..ImportOptions::default()
    };
    let error = import_bytes("a.csv", &b"N,D,loss\n1,2,3\n"[..], &options).unwrap_err();
    assert!(error.to_string().contains("no column `score`"), "{error}");
    let imported = import_bytes("a.csv", &b"N,D,score\n1,2,3\n"[..], &options).unwrap();
    assert_eq!(imported.rows[0].run.loss, Loss::new(3.0).ok());
}

#[test]
fn a_missing_file_is_named() {
    let path = std::path::Path::new("no/such/runs.csv");
    let error = import_file(path, &ImportOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read no/such/runs.csv")
    );
}

#[test]
fn imported_runs_reach_the_store_with_their_provenance_and_again_change_nothing() {
    let imported = import(
        "ladder.csv",
        "run,N,D,val_loss\na,1e8,2e9,3.1\nb,2e8,2e9,3.0\n",
    );
    let mut store = Store::in_memory().unwrap();
    for _ in 0..2 {
        for row in &imported.rows {
            store
                .record_from(&row.run, &imported.provenance(row))
                .unwrap();
        }
    }
    assert_eq!(store.runs().unwrap(), imported.runs());
    let provenance = store.provenance("b").unwrap();
    assert_eq!(provenance.len(), 4);
    let loss = provenance.iter().find(|p| p.field == "loss").unwrap();
    assert_eq!((loss.source.as_str(), loss.line), ("ladder.csv", 3));
    assert_eq!(loss.note, "`val_loss` read as loss");
}

#[test]
fn a_file_cut_at_any_byte_gives_every_whole_row_that_remains() {
    let jsonl = "{\"run\":\"a\",\"N\":1e8,\"D\":2e9,\"loss\":3.5}\n".repeat(3);
    for end in 1..=jsonl.len() {
        let whole = jsonl[..end].matches('}').count();
        let imported = import_bytes(
            "a.jsonl",
            &jsonl.as_bytes()[..end],
            &ImportOptions::default(),
        );
        match imported {
            Ok(imported) => assert_eq!(imported.rows.len(), whole, "cut at {end}"),
            Err(_) => assert_eq!(whole, 0, "cut at {end}"),
        }
    }
}

/// R10 of tables: any one bit of any row flipped costs the rows that it touches, and no other.
fn flip_bits(name: &str, header: &str, row: impl Fn(usize) -> String, flips: usize) {
    const ROWS: usize = 12;
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    let text = header.to_owned() + &rows.concat();
    let whole = import(name, &text).runs();
    assert_eq!(whole.len(), ROWS);
    let mut ends = Vec::new();
    let mut end = header.len();
    for row in &rows {
        end += row.len();
        ends.push(end);
    }
    // A fixed walk through the bits: every bit once, then again from another place.
    let bits = 8 * (text.len() - header.len());
    for flip in 0..flips {
        let bit = (flip * 7919) % bits;
        let at = header.len() + bit / 8;
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << (bit % 8);
        let imported = import_bytes(name, &bytes[..], &ImportOptions::default())
            .unwrap_or_else(|error| panic!("bit {bit}: {error}"));
        let read = imported.runs();
        for (k, run) in whole.iter().enumerate() {
            let start = if k == 0 { header.len() } else { ends[k - 1] };
            // The line break belongs to the rows on both of its sides.
            let is_touched = (start.saturating_sub(1)..ends[k]).contains(&at);
            assert!(
                is_touched || read.contains(run),
                "bit {bit}: {} is lost",
                run.run
            );
        }
    }
}

#[test]
fn a_flipped_bit_of_a_csv_costs_its_row_and_no_other() {
    let row = |k: usize| format!("\"run {k}\",{}e6,2.2e9,3.{k},{}\n", 22 + k, 20 + k);
    flip_bits("a.csv", "run,N,D,loss,seed\n", row, 100_000);
}

#[test]
fn a_flipped_bit_of_a_jsonl_costs_its_row_and_no_other() {
    let row = |k: usize| {
        format!(
            "{{\"run\": \"run {k}\", \"N\": {}e6, \"D\": 2e9, \"loss\": 3.{k}}}\n",
            22 + k
        )
    };
    flip_bits("a.jsonl", "", row, 100_000);
}

#[test]
fn a_csv_cut_at_any_byte_gives_every_whole_row_that_remains() {
    let csv = "run,N,D,loss\n".to_owned() + &"\"a, b\",1e8,2e9,3.5\n".repeat(3);
    let header = csv.find('\n').unwrap();
    for end in header..=csv.len() {
        let whole = csv[header + 1..]
            .bytes()
            .take((end).saturating_sub(header + 1));
        let whole = whole.filter(|byte| *byte == b'\n').count();
        let imported = import("a.csv", &csv[..end]);
        // The last row may be whole without its line break.
        assert!(imported.rows.len() >= whole, "cut at {end}");
    }
}

fn any_run() -> impl Strategy<Value = Run> {
    let size = || proptest::option::of(1e-3..1e30f64);
    let words = || proptest::option::of("[ -~éλ]{0,8}[!-&(-,.-~é]");
    (
        ("[ -~éλ]{0,8}[!-~é]", size(), size(), size(), 1e-3..50f64),
        (words(), words(), proptest::option::of(0..i64::MAX as u64)),
        proptest::collection::btree_map("[a-z]{1,4}", -1e9..1e9f64, 0..3),
        proptest::sample::select(Status::ALL.to_vec()),
    )
        .prop_map(
            |((name, n, d, c, loss), (dataset, reason, seed), metrics, status)| Run {
                params: n.map(|n| Params::new(n).unwrap()),
                tokens: d.map(|d| Tokens::new(d).unwrap()),
                flops: c.map(|c| Flops::new(c).unwrap()),
                loss: Loss::new(loss).ok(),
                dataset,
                reason: Some(reason.unwrap_or_else(|| "why".into())),
                seed,
                metrics,
                status,
                spec: serde_json::json!({"layers": [1, 2.5], "note": "a,b\n"}),
                ..Run::new(name)
            },
        )
        .prop_filter("words for `no value`", |run| {
            let is_word = |text: &String| {
                let lower = text.trim().to_lowercase();
                !["na", "n/a", "null", "none", "-", "--"].contains(&lower.as_str())
            };
            run.dataset.iter().chain(&run.reason).all(is_word)
        })
}

proptest! {
    #[test]
    fn exported_runs_are_imported_as_they_were(runs in proptest::collection::vec(any_run(), 1..6)) {
        let (mut csv, mut jsonl) = (Vec::new(), Vec::new());
        write_csv(&runs, &mut csv).unwrap();
        write_jsonl(&runs, &mut jsonl).unwrap();
        for (name, bytes) in [("a.csv", csv), ("a.jsonl", jsonl)] {
            let imported = import_bytes(name, &bytes[..], &ImportOptions::default()).unwrap();
            prop_assert_eq!(&imported.dropped, &[]);
            prop_assert_eq!(&imported.notes.iter().filter(|n| n.starts_with("line")).count(), &0);
            prop_assert_eq!(imported.runs(), runs.clone());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        name in proptest::sample::select(vec!["a.csv", "a.json", "a.jsonl", "-"]),
    ) {
        let _ = import_bytes(name, &bytes[..], &ImportOptions::default());
        let mut table = b"N,D,loss\n".to_vec();
        table.extend(bytes);
        let _ = import_bytes(name, &table[..], &ImportOptions::default());
    }
}

#[test]
fn checkpoints_without_steps_keep_their_last_loss() {
    let options = ImportOptions {
        rows: RowsAre::Checkpoints,
        ..ImportOptions::default()
    };
    let table = b"run,N,D,loss\na,1e8,1e9,3.3\na,1e8,2e9,3.1\n";
    let imported = import_bytes("a.csv", &table[..], &options).unwrap();
    assert_eq!(imported.rows.len(), 1);
    assert_eq!(imported.rows[0].run.loss.map(Loss::get), Some(3.1));
}

#[test]
fn checkpoints_without_steps_are_told_that_they_make_no_curve() {
    let options = ImportOptions {
        rows: RowsAre::Checkpoints,
        ..ImportOptions::default()
    };
    let table = b"run,N,D,loss\na,1e8,1e9,3.3\na,1e8,2e9,3.1\n";
    let imported = import_bytes("a.csv", &table[..], &options).unwrap();
    let told = |note: &&String| note.starts_with("2 rows say no step");
    assert_eq!(imported.notes.iter().filter(told).count(), 1);
}

#[test]
fn checkpoints_of_known_batches_need_no_steps() {
    let options = ImportOptions {
        rows: RowsAre::Checkpoints,
        ..ImportOptions::default()
    };
    let table = b"run,N,D,batch_tokens,loss\na,1e8,1e9,1e6,3.3\na,1e8,2e9,1e6,3.1\n";
    let imported = import_bytes("a.csv", &table[..], &options).unwrap();
    let curve = &imported.rows[0].curve;
    let steps: Vec<u64> = curve.iter().map(|point| point.step).collect();
    assert_eq!(steps, [1000, 2000]);
    assert_eq!(imported.rows[0].run.step, Some(2000));
    assert!(!imported.notes.iter().any(|note| note.contains("no step")));
}
