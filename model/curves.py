"""Training curves: one row per epoch in `metrics.csv`, drawn in `curves.png`."""

import csv
import io
import time
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from model.checkpoints import write_atomically

FIGURES = ("loss", "psnr", "ssim", "mae")
COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "learning_rate",
    *(f"{split}_{name}" for split in ("train", "val") for name in FIGURES),
    "val_codebook_used",
    "val_codebook_perplexity",
)
_TITLES = {"loss": "loss", "psnr": "PSNR (dB)", "ssim": "SSIM", "mae": "MAE (of full range)"}


class CurveWriter(Callback):
    """Writes the curves after every epoch, whole and atomically, so that a run can be watched."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._rows: list[dict[str, float]] = []
        self._started = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row; Lightning has validated by now."""
        if not trainer.is_global_zero:
            return
        row: dict[str, float] = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(time.monotonic() - self._started, 1),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        logged = trainer.callback_metrics
        self.add(
            {name: row.get(name, float(logged[name]) if name in logged else float("nan")) for name in COLUMNS}
        )

    def add(self, row: dict[str, float]) -> None:
        """Add an epoch's row, of all `COLUMNS`, and write the file anew."""
        self._rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(self._run_dir / "metrics.csv", text.getvalue().encode())

    def best(self) -> dict[str, float]:
        """Validation figures of the epoch with the best SSIM: those of the state that is saved."""
        row = max(self._rows, key=lambda row: row["val_ssim"])
        return {k.removeprefix("val_"): round(v, 5) for k, v in row.items() if k.startswith("val_")}

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves."""
        if trainer.is_global_zero and self._rows:
            write_atomically(self._run_dir / "curves.png", draw_curves(self._rows))


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
