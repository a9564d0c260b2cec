//! What known training programs print, as patterns.
//!
//! Groups are named after the series or setting that they hold. `step` sets the step of its line
//! and of the lines after it. Formats are those of the programs' own print statements.

/// One program.
pub(super) struct Program {
    /// Its name.
    pub name: &'static str,
    /// Patterns; a line is read by the first that matches.
    pub patterns: &'static [&'static str],
    /// What to say about numbers that are not quite what they seem.
    pub note: Option<&'static str>,
}

/// A number as programs print it: `2.31`, `1.5E-04`, `124,475,904`, `10.65M`, `nan`.
macro_rules! number {
    ($name:literal) => {
        concat!(
            "(?<",
            $name,
            r">[-+]?(?:[0-9][0-9,_]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?[KMBT]?|nan|inf))"
        )
    };
}

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "nanoGPT",
        patterns: &[
            concat!(
                r"^step ",
                number!("step"),
                r": train loss ",
                number!("train_loss"),
                r", val loss ",
                number!("val_loss")
            ),
            concat!(
                r"^iter ",
                number!("step"),
                r": loss ",
                number!("batch_loss"),
                r", time"
            ),
            concat!(r"^tokens per iteration will be: ", number!("batch_tokens")),
            concat!(r"^number of parameters: ", number!("params")),
        ],
        note: Some("nanoGPT prints parameters without position embeddings and rounded to 10,000"),
    },
    Program {
        name: "nanochat",
        patterns: &[
            concat!(
                r"^Step ",
                number!("step"),
                r" \| Validation bpb: ",
                number!("val_bpb")
            ),
            concat!(
                r"^Step ",
                number!("step"),
                r" \| CORE metric: ",
                number!("metric_core")
            ),
            concat!(
                r"^step ",
                number!("step"),
                r"(?:/[0-9]+)? \([0-9.]+%\) \| loss: ",
                number!("train_loss")
            ),
            concat!(r"^Number of parameters: ", number!("params")),
            concat!(r"^Total batch size ", number!("batch_tokens"), r" =>"),
        ],
        note: Some("nanochat measures bits per byte: `--bytes-per-token` turns them into nats"),
    },
    Program {
        name: "llm.c",
        patterns: &[
            concat!(r"^s:", number!("step"), r" tel:", number!("val_loss")),
            concat!(
                r"^s:",
                number!("step"),
                r" eval:",
                number!("metric_hellaswag_acc")
            ),
            concat!(
                r"^s:",
                number!("step"),
                r" trl:",
                number!("train_loss"),
                r"(?: lr:",
                number!("lr"),
                r")?"
            ),
            concat!(
                r"^step +",
                number!("step"),
                r"/[0-9]+ \| (?:train )?loss ",
                number!("train_loss"),
                r"(?:.*\| lr ",
                number!("lr"),
                r")?"
            ),
            concat!(r"^val loss ", number!("val_loss")),
            concat!(r"^\| num_parameters +\| ", number!("params")),
            concat!(r"^num_parameters: ", number!("params")),
            concat!(r"^\| total batch size +\| ", number!("batch_tokens")),
        ],
        note: None,
    },
    Program {
        name: "OLMo",
        patterns: &[
            concat!(r"\[step=", number!("step"), r"/[0-9,]+"),
            concat!(r"^\s*train/CrossEntropyLoss=", number!("train_loss")),
            concat!(r"^\s*eval/\S*CrossEntropyLoss=", number!("val_loss")),
            concat!(r"^\s*throughput/total_tokens=", number!("tokens")),
            concat!(r"^\s*optim/learning_rate_group0=", number!("lr")),
            concat!(r"Total number of parameters: ", number!("params")),
            concat!(
                r"Number of non-embedding parameters: ",
                number!("params_non_embedding")
            ),
        ],
        note: None,
    },
    Program {
        name: "Megatron",
        patterns: &[
            concat!(
                r"validation loss at iteration ",
                number!("step"),
                r"\b.*?lm loss value: ",
                number!("val_loss")
            ),
            concat!(
                r"iteration +",
                number!("step"),
                r"/ *[0-9]+ \| consumed samples: +",
                number!("samples"),
                r" \|(?:.*learning rate: ",
                number!("lr"),
                r" \|)?(?:.*lm loss: ",
                number!("train_loss"),
                r" \|)?"
            ),
            concat!(r"^\s*seq_length \.+ ", number!("sequence_length")),
            concat!(
                r"> number of parameters on \(tensor, pipeline\) model parallel rank \([0-9]+, [0-9]+\): ",
                number!("rank_params")
            ),
        ],
        note: Some("Megatron's ranks print their own parameters, which are added up here"),
    },
    Program {
        name: "torchtitan",
        patterns: &[
            concat!(
                r"validate step: +",
                number!("step"),
                r" +loss: +",
                number!("val_loss")
            ),
            concat!(
                r"step: +",
                number!("step"),
                r" +loss: +",
                number!("train_loss"),
                r" +grad_norm:"
            ),
            concat!(r"size: ", number!("params"), r" total parameters"),
            concat!(
                r"global batch size ",
                number!("batch_samples"),
                r",.* sequence length ",
                number!("sequence_length")
            ),
        ],
        note: None,
    },
];
