"""What the training curves in `metrics.csv` have of each epoch."""

FIGURES = ("loss", "psnr", "ssim", "mae")
COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "learning_rate",
    *(f"{split}_{name}" for split in ("train", "val") for name in FIGURES),
    "val_codebook_used",
    "val_codebook_perplexity",
    "images_per_second",
    "data_wait",
)
