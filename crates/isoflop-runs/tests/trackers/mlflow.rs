//! MLflow's folder of files and its database.

use super::{expected, fixture, import, used};
use isoflop_runs::{ImportOptions, Status, import_source};

#[test]
fn both_stores_of_mlflow_give_the_same_runs_and_a_nan_is_a_divergence() {
    for name in ["mlflow", "mlflow-sqlite"] {
        let imported = import(name, &ImportOptions::default());
        assert_eq!(used(&imported), expected(), "{name}");
        let diverged = imported
            .rows
            .iter()
            .find(|row| row.run.run == "diverged")
            .unwrap();
        assert_eq!(diverged.run.status, Status::Diverged);
        assert_eq!(
            diverged.run.reason.as_deref(),
            Some("loss is NaN at step 300")
        );
        let curves = imported.rows.iter().filter(|row| row.curve.len() == 5);
        assert_eq!(curves.count(), 9);
    }
}

#[test]
fn a_database_of_mlflow_is_not_changed_by_reading_it() {
    let path = fixture("mlflow-sqlite/mlflow.db");
    let before = std::fs::read(&path).unwrap();
    import("mlflow-sqlite/mlflow.db", &ImportOptions::default());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn an_address_without_a_server_is_one_sentence() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = import_source(
        &format!("http://127.0.0.1:{port}"),
        &ImportOptions::default(),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("http://127.0.0.1:{port}/api/2.0/mlflow/")),
        "{error}"
    );
}
