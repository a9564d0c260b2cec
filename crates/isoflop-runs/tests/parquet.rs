//! What Parquet files of others claim of themselves is held against their size.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use bytes::Bytes;
use isoflop_runs::open_parquet;
use parquet::basic::Repetition;
use parquet::data_type::Int32Type;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use std::sync::Arc;

fn refusal(bytes: &[u8]) -> String {
    match open_parquet(Bytes::copy_from_slice(bytes)) {
        Ok(_) => panic!("the file is opened"),
        Err(error) => error.to_string(),
    }
}

/// One column of whole numbers.
fn file_of(numbers: &[i32]) -> Vec<u8> {
    let schema = parse_message_type("message runs { required int32 step; }").unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int32Type>()
        .write_batch(numbers, None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn claims_that_kept_the_library_busy_or_filled_the_memory_are_refused() {
    let list = include_bytes!("../../../fuzz/corpus/parquet/list-without-end.parquet");
    assert!(refusal(list).contains("its directory is not of the format, or claims more"));
    // A text where the library takes a number: it read on out of step, and found a list without end.
    let out_of_step = include_bytes!("../../../fuzz/corpus/parquet/out-of-step.parquet");
    assert!(refusal(out_of_step).contains("the header of a page is not of the format"));
    let dictionary = include_bytes!("../../../fuzz/corpus/parquet/dictionary-of-millions.parquet");
    assert!(refusal(dictionary).contains("a page claims more values than it can hold"));
}

#[test]
fn a_column_of_measurements_is_read_and_one_value_a_million_times_is_not() {
    let numbers: Vec<i32> = (0..100_000).collect();
    assert!(open_parquet(Bytes::from(file_of(&numbers))).is_ok());
    assert!(refusal(&file_of(&[7; 1_000_000])).contains("fewer than a bit each"));
    // A small table may well hold the same number in each row.
    assert!(open_parquet(Bytes::from(file_of(&[7; 4000]))).is_ok());
}

#[test]
fn pages_that_claim_to_be_far_larger_than_the_file_are_refused() {
    let bytes = file_of(&[1, 2, 3]);
    let start = bytes.windows(2).position(|two| two == [0x15, 4]).unwrap();
    // Field 2 of the header, the unpacked size: from one byte to a number of five.
    let mut claimed = bytes[..start + 2].to_vec();
    claimed.extend([0x15, 0x80, 0x80, 0x80, 0x80, 0x0e]);
    claimed.extend(&bytes[start + 4..]);
    assert!(
        refusal(&claimed).contains("MiB unpacked"),
        "{}",
        refusal(&claimed)
    );
}

#[test]
fn a_schema_of_groups_within_groups_does_not_exhaust_the_stack() {
    let file_of_depth = |depth: usize| {
        let mut inner = Type::primitive_type_builder("leaf", parquet::basic::Type::INT32)
            .with_repetition(Repetition::REQUIRED)
            .build()
            .unwrap();
        for _ in 0..depth {
            inner = Type::group_type_builder("g")
                .with_repetition(Repetition::REQUIRED)
                .with_fields(vec![Arc::new(inner)])
                .build()
                .unwrap();
        }
        let root = Type::group_type_builder("runs").with_fields(vec![Arc::new(inner)]);
        let root = Arc::new(root.build().unwrap());
        let writer = SerializedFileWriter::new(Vec::new(), root, Arc::default()).unwrap();
        writer.into_inner().unwrap()
    };
    // Files of any depth are made on a stack of their own, and read on the test's.
    let large = || std::thread::Builder::new().stack_size(256 << 20);
    let deep = large()
        .spawn(move || file_of_depth(20_000))
        .unwrap()
        .join()
        .unwrap();
    assert!(
        refusal(&deep).contains("its schema has 20001 groups"),
        "{}",
        refusal(&deep)
    );
    let deepest = large().spawn(move || file_of_depth(999)).unwrap();
    assert!(open_parquet(Bytes::from(deepest.join().unwrap())).is_ok());
}
