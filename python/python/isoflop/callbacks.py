"""Callbacks of training frameworks that record a run with :class:`isoflop.Recorder`.

>>> trainer.add_callback(hugging_face("runs/d64.jsonl"))                       # doctest: +SKIP
>>> Trainer(callbacks=[lightning("runs/d64.jsonl", batch_tokens=4096)])        # doctest: +SKIP
"""

from __future__ import annotations

from os import PathLike
from typing import Any

from .recording import Recorder


def hugging_face(path: str | PathLike[str], run: str | None = None, **columns: Any) -> Any:
    """A callback for the Hugging Face ``Trainer``: records ``eval_loss``, else the training loss.

    Parameters are counted; tokens are those that the ``Trainer`` counts
    (``include_num_input_tokens_seen``), or come from ``batch_tokens``.
    """
    from transformers import TrainerCallback

    class IsoflopCallback(TrainerCallback):
        def __init__(self) -> None:
            self.recorder: Recorder | None = None
            self.evaluated = False

        def on_train_begin(
            self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
        ) -> None:
            known = {"seed": args.seed, "lr": args.learning_rate}
            if model is not None:
                known |= _counted(model)
            self.recorder = Recorder(path, run, **(known | columns))
            self.evaluated = False

        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
        ) -> None:
            logs = logs or {}
            self.evaluated |= "eval_loss" in logs
            loss = logs.get("eval_loss" if self.evaluated else "loss")
            if self.recorder is not None and loss is not None:
                seen = getattr(state, "num_input_tokens_seen", 0) or None
                self.recorder.log(state.global_step, loss, tokens=seen)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if self.recorder is None:
                return
            planned = state.max_steps
            if planned and state.global_step < planned:
                reason = f"stopped at step {state.global_step} of {planned}"
                self.recorder.finish("failed", reason)
            else:
                self.recorder.finish()

    return IsoflopCallback()


def _counted(model: Any) -> dict[str, int]:
    if not hasattr(model, "num_parameters"):
        return {"params": sum(parameter.numel() for parameter in model.parameters())}
    return {
        "params": model.num_parameters(),
        "params_non_embedding": model.num_parameters(exclude_embeddings=True),
    }


def lightning(
    path: str | PathLike[str], run: str | None = None, monitor: str = "val_loss", **columns: Any
) -> Any:
    """A callback for Lightning: records the metric ``monitor`` after each validation.

    Parameters are counted; give ``batch_tokens``, or ``tokens`` of the whole run.
    """
    try:
        from lightning.pytorch import Callback
    except ImportError:
        from pytorch_lightning import Callback

    class IsoflopCallback(Callback):
        def __init__(self) -> None:
            self.recorder: Recorder | None = None

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            count = sum(parameter.numel() for parameter in pl_module.parameters())
            if trainer.is_global_zero:
                self.recorder = Recorder(path, run, **({"params": count} | columns))

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            loss = trainer.callback_metrics.get(monitor)
            if self.recorder is not None and loss is not None and not trainer.sanity_checking:
                self.recorder.log(trainer.global_step, float(loss))

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            if self.recorder is not None:
                self.recorder.finish()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            if self.recorder is not None:
                self.recorder.finish("failed", f"{type(exception).__name__}: {exception}")

    return IsoflopCallback()
