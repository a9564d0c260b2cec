//! The names that columns have in other people's files.

use crate::column::Column;

/// Names that people give to a column, the most specific first: of two columns with one meaning,
/// the one whose name comes earlier is read. Compared in lower case with `_` for every other
/// sign; single letters are only recognised as capitals.
pub(super) const NAMES: &[(Column, &[&str])] = &[
    (
        Column::Run,
        &[
            "run",
            "run_name",
            "run_id",
            "name",
            "id",
            "uid",
            "experiment",
            "exp_name",
        ],
    ),
    (
        Column::ParamsNonEmbedding,
        &[
            "params_non_embedding",
            "non_embedding_params",
            "n_params_non_embedding",
            "num_non_embedding_params",
            "non_embedding_parameters",
            "params_nonembedding",
            "params_non_emb",
            "params_nonemb",
            "non_emb_params",
            "n_non_embedding",
            "n_nonemb",
            "params_no_embedding",
            "params_no_emb",
            "params_without_embedding",
        ],
    ),
    (
        Column::Params,
        &[
            "params",
            "params_total",
            "total_params",
            "N",
            "n_params",
            "num_params",
            "num_parameters",
            "n_parameters",
            "total_parameters",
            "parameters",
            "param_count",
            "parameter_count",
            "nparams",
            "n_total",
            "model_params",
            "model_size",
            "size",
        ],
    ),
    (
        Column::UniqueTokens,
        &["unique_tokens", "U", "n_unique_tokens", "num_unique_tokens"],
    ),
    (
        Column::Tokens,
        &[
            "tokens",
            "D",
            "n_tokens",
            "num_tokens",
            "ntokens",
            "tokens_seen",
            "train_tokens",
            "training_tokens",
            "tokens_total",
            "total_tokens",
            "consumed_tokens",
            "seen_tokens",
            "num_input_tokens_seen",
            "total_tokens_seen",
            "n_tokens_seen",
            "dataset_tokens",
            "seen_examples",
            "examples_seen",
            "num_examples",
        ],
    ),
    (
        Column::Flops,
        &[
            "flops",
            "C",
            "flop",
            "compute",
            "compute_flops",
            "total_flops",
            "train_flops",
            "training_flops",
            "n_flops",
            "num_flops",
            "total_flos",
        ],
    ),
    (Column::FlopCount, &["flop_count"]),
    (
        Column::Loss,
        &[
            "loss",
            "final_loss",
            "val_loss",
            "valid_loss",
            "validation_loss",
            "eval_loss",
            "test_loss",
            "L",
            "loss_val",
            "loss_eval",
            "cross_entropy",
            "ce_loss",
            "val_nll",
            "nll",
            "train_loss",
            "training_loss",
            "loss_train",
            "train_crossentropyloss",
            "lm_loss",
            "global_avg_loss",
        ],
    ),
    (
        Column::LossStd,
        &[
            "loss_std",
            "loss_se",
            "loss_sem",
            "loss_stderr",
            "loss_std_err",
            "val_loss_std",
        ],
    ),
    (
        Column::BitsPerByte,
        &["bits_per_byte", "bpb", "val_bpb", "eval_bpb", "loss_bpb"],
    ),
    (
        Column::Step,
        &[
            "step",
            "steps",
            "n_steps",
            "num_steps",
            "global_step",
            "iter",
            "iters",
            "iteration",
        ],
    ),
    (
        Column::BatchTokens,
        &[
            "batch_tokens",
            "tokens_per_batch",
            "tokens_per_step",
            "batch_size_tokens",
            "total_batch_size_tokens",
        ],
    ),
    (Column::Lr, &["lr", "learning_rate", "max_lr", "peak_lr"]),
    (
        Column::Schedule,
        &[
            "schedule",
            "lr_schedule",
            "lr_scheduler",
            "lr_scheduler_type",
        ],
    ),
    (Column::Seed, &["seed", "random_seed"]),
    (
        Column::Dataset,
        &["dataset", "dataset_name", "corpus", "data"],
    ),
    (
        Column::Family,
        &["family", "model_family", "architecture", "arch", "model"],
    ),
    (Column::Status, &["status", "state"]),
    (Column::Reason, &["reason"]),
    (Column::CorpusFingerprint, &["corpus_fingerprint"]),
    (
        Column::WallSecs,
        &[
            "wall_secs",
            "train_runtime",
            "elapsed_secs",
            "wall_time_s",
            "runtime",
        ],
    ),
    (Column::Spec, &["spec"]),
];

/// Columns that are read although they do not hold quite what is looked for, with what to say.
pub(super) const STAND_INS: &[(&str, &str)] = &[
    ("seen_examples", EXAMPLES),
    ("examples_seen", EXAMPLES),
    ("num_examples", EXAMPLES),
    ("train_loss", TRAINING),
    ("training_loss", TRAINING),
    ("loss_train", TRAINING),
    ("train_crossentropyloss", TRAINING),
    ("lm_loss", TRAINING),
    ("global_avg_loss", TRAINING),
];

const EXAMPLES: &str = "examples stand for tokens; C = 6ND does not hold for them";
const TRAINING: &str = "a loss on training batches, for want of a held-out one";

/// Whether a column is a measured capability, kept as a metric under its own name.
pub(super) fn is_metric(folded: &str) -> bool {
    const WHOLE: [&str; 7] = [
        "acc",
        "accuracy",
        "pass_rate",
        "exact_match",
        "f1",
        "bleu",
        "win_rate",
    ];
    const STARTS: [&str; 4] = ["acc_", "accuracy_", "pass_at_", "exact_match_"];
    const ENDS: [&str; 5] = [
        "_acc",
        "_accuracy",
        "_pass_rate",
        "_exact_match",
        "_acc_norm",
    ];
    WHOLE.contains(&folded)
        || STARTS.iter().any(|start| folded.starts_with(start))
        || ENDS.iter().any(|end| folded.ends_with(end))
}

/// Whether a key of a tracker is a loss on held-out data. Names folded as in [`NAMES`].
pub(super) fn is_held_out_loss(folded: &str) -> bool {
    const HELD_OUT: [&str; 7] = [
        "val",
        "valid",
        "validation",
        "eval",
        "test",
        "heldout",
        "dev",
    ];
    const LOSSES: [&str; 8] = [
        "loss",
        "crossentropyloss",
        "nll",
        "ce",
        "entropy",
        "bpb",
        "ppl",
        "perplexity",
    ];
    let words = || folded.split('_');
    words().any(|word| HELD_OUT.contains(&word))
        && words()
            .next_back()
            .is_some_and(|word| LOSSES.contains(&word))
}

/// Whether a key of a tracker is a loss on training batches.
pub(super) fn is_training_loss(folded: &str) -> bool {
    folded == "loss"
        || STAND_INS
            .iter()
            .any(|(name, note)| *name == folded && *note == TRAINING)
}

/// Names too common for other things to be recognised behind a path such as `model.size`.
pub(super) const NOT_BEHIND_A_PATH: &[&str] = &["size", "steps", "step", "iter", "iters", "params"];

/// Perplexities, read as a loss where there is no loss.
pub(super) const PERPLEXITIES: &[&str] = &[
    "ppl",
    "perplexity",
    "val_ppl",
    "eval_ppl",
    "eval_perplexity",
];
