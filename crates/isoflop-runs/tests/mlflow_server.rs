//! A real `mlflow server` on loopback, over a copy of the database in `fixtures/`.
//!
//! Needs MLflow from PyPI, on the path or named by `ISOFLOP_MLFLOW`, and fails without one:
//!
//!     cargo test --workspace --features isoflop-runs/mlflow-tests --test mlflow_server

use isoflop_runs::{ImportOptions, SelectionOptions, Status, import_source};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends the server and its workers however the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // The server leads a process group of its own, which its workers belong to.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["--", &group]).status();
        let _ = self.0.wait();
    }
}

fn start(database: &Path, port: u16) -> Server {
    use std::os::unix::process::CommandExt;
    let program = std::env::var("ISOFLOP_MLFLOW").unwrap_or_else(|_| "mlflow".to_owned());
    let child = Command::new(program)
        .args(["server", "--host", "127.0.0.1", "--workers", "1"])
        .args(["--port", &port.to_string()])
        .args([
            "--backend-store-uri",
            &format!("sqlite:///{}", database.display()),
        ])
        .current_dir(database.parent().unwrap())
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let server = Server(child.expect("MLflow is installed: pip install mlflow"));
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(420),
            "the server does not start"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    server
}

#[test]
fn a_live_server_gives_the_same_runs_as_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mlflow-sqlite/mlflow.db");
    let database = folder.path().join("mlflow.db");
    std::fs::copy(&fixture, &database).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let _server = start(&database, port);
    let address = format!("http://127.0.0.1:{port}");
    let mut live = import_source(&address, &ImportOptions::default()).unwrap();
    let mut stored = import_source(database.to_str().unwrap(), &ImportOptions::default()).unwrap();
    for imported in [&mut live, &mut stored] {
        imported.rows.sort_by(|a, b| a.run.run.cmp(&b.run.run));
        let selection = imported.select(SelectionOptions::default());
        assert_eq!(selection.used.len(), 9);
    }
    assert_eq!(live.runs(), stored.runs());
    for (live, stored) in live.rows.iter().zip(&stored.rows) {
        assert_eq!(live.curve, stored.curve, "{}", live.run.run);
    }
    let diverged = live
        .rows
        .iter()
        .find(|row| row.run.run == "diverged")
        .unwrap();
    assert_eq!(diverged.run.status, Status::Diverged);
}
