//! Checkpoints of Hugging Face's `Trainer`.

use super::{expected, import, shown, used};
use isoflop_runs::ImportOptions;

#[test]
fn the_trainers_last_checkpoint_gives_the_run_and_config_json_exact_parameters() {
    let imported = import("trainer-state", &ImportOptions::default());
    let used = used(&imported);
    for (name, [_, tokens, loss]) in expected() {
        let run = &imported
            .rows
            .iter()
            .find(|row| row.run.run == name)
            .unwrap()
            .run;
        assert_eq!([used[&name][1], used[&name][2]], [tokens, loss]);
        // 4 layers of 12 d² + 13 d, the last norm, 512 words and 256 positions.
        let d = run.text("n_embd").unwrap().parse::<f64>().unwrap();
        let inner = 4.0 * (12.0 * d * d + 13.0 * d) + 2.0 * d;
        assert_eq!(run.params_non_embedding.unwrap().get(), inner);
        assert_eq!(run.params.unwrap().get(), inner + (512.0 + 256.0) * d);
        assert_eq!(run.family.as_deref(), Some("gpt2"));
    }
    insta::assert_snapshot!(shown(&imported), @r#"
    `run` read as run
    `activation_function` kept as label_activation_function
    `add_cross_attention` kept as label_add_cross_attention
    `architectures` kept as label_architectures
    `attn_pdrop` kept as label_attn_pdrop
    `bos_token_id` kept as label_bos_token_id
    `embd_pdrop` kept as label_embd_pdrop
    `eos_token_id` kept as label_eos_token_id
    `epoch` kept as label_epoch
    `eval_steps` kept as label_eval_steps
    `family` read as family
    `hf_total_flos` kept as label_hf_total_flos
    `initializer_range` kept as label_initializer_range
    `layer_norm_epsilon` kept as label_layer_norm_epsilon
    `logging_steps` kept as label_logging_steps
    `max_steps` kept as label_max_steps
    `n_embd` kept as label_n_embd
    `n_head` kept as label_n_head
    `n_layer` kept as label_n_layer
    `n_positions` kept as label_n_positions
    `num_input_tokens_seen` read as tokens
    `num_train_epochs` kept as label_num_train_epochs
    `params` read as params
    `params_non_embedding` read as params_non_embedding
    `reorder_and_upcast_attn` kept as label_reorder_and_upcast_attn
    `resid_pdrop` kept as label_resid_pdrop
    `save_steps` kept as label_save_steps
    `scale_attn_by_inverse_layer_idx` kept as label_scale_attn_by_inverse_layer_idx
    `scale_attn_weights` kept as label_scale_attn_weights
    `summary_first_dropout` kept as label_summary_first_dropout
    `summary_proj_to_labels` kept as label_summary_proj_to_labels
    `summary_type` kept as label_summary_type
    `summary_use_proj` kept as label_summary_use_proj
    `tie_word_embeddings` kept as label_tie_word_embeddings
    `transformers_version` kept as label_transformers_version
    `use_cache` kept as label_use_cache
    `vocab_size` kept as label_vocab_size
    `eval_loss` read as loss
    `eval_runtime` kept as label_eval_runtime
    `learning_rate` read as lr
    `train_loss` kept as label_train_loss: loss is read from `eval_loss`
    `step` read as step
    "#);
}
