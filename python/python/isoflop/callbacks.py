"""Callbacks of training frameworks that record a run with :class:`isoflop.Recorder`.

>>> trainer.add_callback(hugging_face("runs/d64.jsonl"))                       # doctest: +SKIP
>>> Trainer(callbacks=[lightning("runs/d64.jsonl", batch_tokens=4096)])        # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from typing import Any

from ._native import IsoflopError
from .recording import Recorder


def hugging_face(path: str | PathLike[str], run: str | None = None, **columns: Any) -> Any:
    """A callback for the Hugging Face ``Trainer``: records ``eval_loss``, else the training loss.

    Parameters are counted; tokens are those that the ``Trainer`` counts
    (``include_num_input_tokens_seen="all"``), or come from ``batch_tokens``, those of one step of
    the optimiser. Of several processes the first one records.
    """
    from transformers import TrainerCallback

    class IsoflopCallback(TrainerCallback):
        def __init__(self) -> None:
            self.recorder: Recorder | None = None
            self.evaluated = False

        def on_train_begin(
            self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
        ) -> None:
            counted = getattr(args, "include_num_input_tokens_seen", "no") not in (False, "no")
            _require_tokens(columns, 'or train with `include_num_input_tokens_seen="all"`', counted)
            if not state.is_world_process_zero:
                return
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
            _finish(self.recorder, state.global_step, state.max_steps)

    return IsoflopCallback()


def _require_tokens(columns: dict[str, Any], other: str, counted: bool = False) -> None:
    """A run without its tokens is of no use: better said before it than after."""
    if not counted and not {"batch_tokens", "tokens", "flops"} & columns.keys():
        raise IsoflopError(f"a run needs its tokens: give `batch_tokens`, {other}")


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

    Parameters are counted; give ``batch_tokens``, those of one step of the optimiser, or
    ``tokens`` of the whole run. Of several processes the first one records.
    """
    base: Any = _lightning_module().Callback

    class IsoflopCallback(base):
        def __init__(self) -> None:
            self.recorder: Recorder | None = None

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            _require_tokens(columns, "or `tokens` of the whole run")
            count = sum(parameter.numel() for parameter in pl_module.parameters())
            if trainer.is_global_zero:
                self.recorder = Recorder(path, run, **({"params": count} | columns))

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            loss = trainer.callback_metrics.get(monitor)
            if self.recorder is not None and loss is not None and not trainer.sanity_checking:
                self.recorder.log(trainer.global_step, float(loss))

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            if self.recorder is not None:
                _finish(self.recorder, trainer.global_step, _planned_steps(trainer))

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            if self.recorder is not None:
                self.recorder.finish("failed", f"{type(exception).__name__}: {exception}")

    return IsoflopCallback()


def _lightning_module() -> Any:
    try:
        return import_module("lightning.pytorch")
    except ImportError:
        return import_module("pytorch_lightning")


def _planned_steps(trainer: Any) -> float:
    """Steps that the run was to have; zero where it has no end."""
    steps = trainer.estimated_stepping_batches
    return steps if steps != float("inf") else 0


def _finish(recorder: Recorder, step: int, planned: float) -> None:
    """A run that was stopped early has not the loss of its schedule's end."""
    if step < planned:
        recorder.finish("failed", f"stopped at step {step} of {planned:.0f}")
    else:
        recorder.finish()
