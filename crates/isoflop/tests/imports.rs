//! What `import` and `runs` say, at 80 columns: one session from files to an exported table.

#[test]
fn a_session_of_import_and_runs_is_told_as_recorded() {
    trycmd::TestCases::new().case("tests/imports/*.trycmd");
}

/// What the recorded commands answer; notes and errors are one sentence each, which the terminal
/// wraps.
fn recorded() -> Vec<String> {
    const SENTENCES: [&str; 5] = ["$ ", "```", "note: ", "error: ", "hint: "];
    let session = include_str!("imports/session.trycmd");
    let is_said = |line: &&str| !SENTENCES.iter().any(|start| line.starts_with(start));
    session.lines().filter(is_said).map(str::to_owned).collect()
}

#[test]
fn nothing_that_is_said_is_wider_than_80_columns() {
    let lines = recorded();
    assert!(lines.len() > 40, "only {} lines", lines.len());
    for line in lines {
        let width = line.chars().count();
        assert!(width <= 80, "{width} columns\n{line}");
    }
}
