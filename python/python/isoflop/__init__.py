"""Know a language model's final loss, and its best size, before you pay for the training run.

>>> import isoflop
>>> isoflop.plan("5.76e23")["plans"][0]["rule"]
'besiroglu-2024'

>>> fit = isoflop.fit("runs.csv", law="chinchilla")     # doctest: +SKIP
>>> fit.predict(params="7B", tokens="140B").loss        # doctest: +SKIP

Numbers are those of the command line to the last bit: both call the same code.
"""

from ._native import InsufficientData, IsoflopError, __version__
from .answers import Answer, Forecasts
from .fits import Backtest, Fit, backtest, fit, load, predict_metric
from .ledger import score, scores
from .published import accelerators, design, diagnose, laws, plan, predict
from .recording import Recorder
from .runs import Runs, read

__all__ = [
    "Answer",
    "Backtest",
    "Fit",
    "Forecasts",
    "InsufficientData",
    "IsoflopError",
    "Recorder",
    "Runs",
    "__version__",
    "accelerators",
    "backtest",
    "design",
    "diagnose",
    "fit",
    "laws",
    "load",
    "plan",
    "predict",
    "predict_metric",
    "read",
    "score",
    "scores",
]
