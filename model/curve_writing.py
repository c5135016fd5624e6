"""Training curves: one row per epoch in `metrics.csv`, drawn in `curves.png`."""

import csv
import io
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Timer

from model.checkpoints import write_atomically
from model.curves import COLUMNS, FIGURES
from model.watching import Throughput

_TITLES = {"loss": "loss", "psnr": "PSNR (dB)", "ssim": "SSIM", "mae": "MAE (of full range)"}


class CurveWriter(Callback):
    """Writes the curves after every epoch, whole and atomically, so that a run can be watched."""

    def __init__(self, run_dir: Path, timer: Timer, throughput: Throughput) -> None:
        self._run_dir = run_dir
        self._timer = timer
        self._throughput = throughput
        self._rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row; Lightning has validated by now."""
        if not trainer.is_global_zero:
            return
        row: dict[str, float] = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(self._timer.time_elapsed(), 1),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "images_per_second": round(self._throughput.images_per_second, 1),
            "data_wait": round(self._throughput.data_wait, 4),
        }
        logged = trainer.callback_metrics
        self._rows.append(
            {name: row.get(name, float(logged[name]) if name in logged else float("nan")) for name in COLUMNS}
        )
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(self._run_dir / "metrics.csv", text.getvalue().encode())

    def state_dict(self) -> dict[str, Any]:
        """The rows, into the checkpoint: a resumed run goes on after the last of them."""
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The rows, from the checkpoint."""
        self._rows = state_dict["rows"]

    def draw(self) -> None:
        """Draw `curves.png`."""
        if self._rows:
            write_atomically(self._run_dir / "curves.png", draw_curves(self._rows))

    def speed(self) -> dict[str, float]:
        """Means over the epochs of images per second and of the share of time spent waiting for data."""
        return {
            name: round(sum(row[name] for row in self._rows) / max(len(self._rows), 1), digits)
            for name, digits in (("images_per_second", 1), ("data_wait", 4))
        }


def draw_curves(rows: list[dict[str, float]]) -> bytes:
    """PNG of loss, PSNR, SSIM and MAE by epoch, training and validation."""
    from matplotlib.figure import Figure  # slow to import; drawn without pyplot's global state

    figure = Figure(figsize=(10, 6), layout="constrained")
    epochs = [row["epoch"] + 1 for row in rows]
    for axes, name in zip(figure.subplots(2, 2).flat, FIGURES, strict=True):
        for split, colour, label in (("train", "#0072B2", "training"), ("val", "#D55E00", "validation")):
            axes.plot(epochs, [row[f"{split}_{name}"] for row in rows], "o-", ms=3, color=colour, label=label)
        axes.set(xlabel="epoch", ylabel=_TITLES[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120)
    return png.getvalue()
