//! The measurements in `data/`, as a user's command reads them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use isoflop_laws::ParamCount;
use isoflop_runs::{ImportOptions, Imported, SelectionOptions, import_file};
use std::path::Path;

fn import(name: &str) -> Imported {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    import_file(&data.join(name), &ImportOptions::default()).unwrap()
}

/// Guesses, notes and drops in a form to be read by a person.
fn shown(imported: &Imported) -> String {
    let selection = imported.select(SelectionOptions::default());
    let mut shown = format!("{} used\n", selection.used.len());
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    for dropped in &selection.dropped {
        *reasons.entry(&dropped.reason).or_default() += 1;
    }
    for (reason, rows) in reasons {
        shown += &format!("{rows} dropped: {reason}\n");
    }
    for guess in &imported.columns {
        shown += &format!("column {guess}\n");
    }
    for note in &selection.notes {
        shown += &format!("note   {note}\n");
    }
    shown
}

#[test]
fn the_chinchilla_runs_are_all_used_and_keep_their_split() {
    let imported = import("chinchilla_epoch.csv");
    insta::assert_snapshot!(shown(&imported), @r#"
    245 used
    column `source` kept as label_source
    column `dataset` read as dataset
    column `model` read as family
    column `params_total` read as params
    column `params_non_embedding` read as params_non_embedding: it has no value in any row
    column `tokens` read as tokens
    column `flops` read as flops
    column `loss` read as loss
    column `tokens_derived` kept as label_tokens_derived
    column `epoch_excluded` kept as label_epoch_excluded
    column `split` kept as label_split
    "#);
    let fit = imported
        .rows
        .iter()
        .filter(|row| row.run.text("split").as_deref() == Some("fit"));
    assert_eq!(fit.count(), 192);
}

#[test]
fn parameters_without_embeddings_are_read_as_such_and_configurations_are_kept() {
    let imported = import("porian_refinedweb.csv");
    insta::assert_snapshot!(shown(&imported), @r#"
    472 used
    211 dropped: total parameters are not given, and N is counted so here
    column `source` kept as label_source
    column `dataset` read as dataset
    column `model` read as family
    column `params_total` read as params
    column `params_non_embedding` read as params_non_embedding
    column `tokens` read as tokens
    column `flops` read as flops
    column `loss` read as loss
    column `config` kept as label_config
    column `hparams` kept as label_hparams
    column `warmup` kept as label_warmup
    column `decay` kept as label_decay
    column `param_count` kept as label_param_count
    column `eval_set` kept as label_eval_set
    column `split` kept as label_split
    note   conventions are mixed: N is total parameters here, and 211 of 683 runs do not give them
    "#);
    let options = SelectionOptions {
        param_count: Some(ParamCount::NonEmbedding),
    };
    assert_eq!(imported.select(options).used.len(), 211);
    let runs = imported.runs();
    let configs: std::collections::BTreeSet<_> =
        runs.iter().map(|run| run.text("config")).collect();
    assert_eq!(configs.len(), 6);
    assert!(!configs.contains(&None));
}

#[test]
fn repeated_data_keep_their_unique_tokens() {
    insta::assert_snapshot!(shown(&import("datablations_c4.csv")), @r#"
    182 used
    column `source` kept as label_source
    column `dataset` read as dataset
    column `model` read as family
    column `params_total` read as params
    column `params_non_embedding` read as params_non_embedding: it has no value in any row
    column `tokens` read as tokens
    column `flops` read as flops
    column `loss` read as loss
    column `run` read as run
    column `unique_tokens` read as unique_tokens
    column `epochs` kept as label_epochs
    column `split` kept as label_split
    "#);
}

#[test]
fn benchmark_scores_are_metrics_of_runs_that_have_no_loss() {
    let imported = import("obsscaling_base_benchmarks.csv");
    insta::assert_snapshot!(shown(&imported), @r#"
    0 used
    148 dropped: loss is missing
    column `source` kept as label_source
    column `dataset` read as dataset: it has no value in any row
    column `model` read as family
    column `params_total` read as params
    column `params_non_embedding` read as params_non_embedding: it has no value in any row
    column `tokens` read as tokens
    column `flops` read as flops
    column `loss` read as loss: it has no value in any row
    column `run` read as run
    column `acc_MMLU` read as metric_acc_MMLU
    column `acc_ARC-C` read as metric_acc_ARC-C
    column `acc_HellaSwag` read as metric_acc_HellaSwag
    column `acc_Winograd` read as metric_acc_Winograd
    column `acc_TruthfulQA` read as metric_acc_TruthfulQA
    column `acc_GSM8K` read as metric_acc_GSM8K
    column `acc_XWinograd` read as metric_acc_XWinograd
    column `acc_HumanEval` read as metric_acc_HumanEval
    column `flag` kept as label_flag
    column `split` kept as label_split
    "#);
    let llama = imported
        .rows
        .iter()
        .find(|row| row.run.run == "meta-llama/Llama-2-7b-hf");
    assert_eq!(
        llama.unwrap().run.metrics["acc_MMLU"],
        0.437_960_963_609_241_8
    );
}

#[test]
fn examples_seen_stand_for_tokens_with_a_note() {
    insta::assert_snapshot!(shown(&import("learning_curves_nmt.csv")), @r#"
    0 used
    32 dropped: two of params, tokens and flops are needed
    column `source` kept as label_source
    column `dataset` read as dataset
    column `model` read as family
    column `params_total` read as params: it has no value in any row
    column `params_non_embedding` read as params_non_embedding: it has no value in any row
    column `tokens` kept as label_tokens: tokens is read from `seen_examples`
    column `flops` read as flops: it has no value in any row
    column `loss` read as loss
    column `seen_examples` read as tokens: examples stand for tokens; C = 6ND does not hold for them
    column `metric` kept as label_metric
    column `split` kept as label_split
    "#);
}
