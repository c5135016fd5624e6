"""What the recipe's ablations ask: question -> arm -> options of `vqscope train` that the arm adds to the common ones.

Later options win over earlier ones. The first arm of a question is the recipe itself where its options are empty.
Where time is to be equal instead of epochs, an arm gives ``--max-time`` and a large ``--max-epochs``.
"""

from collections.abc import Mapping, Sequence

Arms = Mapping[str, Sequence[str]]

COMMON: Sequence[str] = ("--preset", "base", "--trainer.patience", "1000")

QUESTIONS: Mapping[str, Arms] = {
    "code dimension": {str(dim): ("--model.quantizer.code_dim", str(dim)) for dim in (2, 4, 8, 16, 64)},
    "codebook size": {str(size): ("--model.quantizer.codebook_size", str(size)) for size in (256, 512, 1024)},
    "decay": {f"{decay:g}": ("--model.quantizer.decay", f"{decay:g}") for decay in (0.8, 0.9, 0.99, 0.999)},
    "restart of codes in disuse": {
        "below 0.1": (),
        "never": ("--model.quantizer.restart_below", "0"),
        "below 0.3": ("--model.quantizer.restart_below", "0.3"),
    },
    "start of the codebook": {
        "k-means": (),
        "random latents": ("--model.quantizer.kmeans_steps", "0"),
    },
    "commitment": {f"{beta:g}": ("--model.quantizer.commitment", f"{beta:g}") for beta in (0.05, 0.25, 1.0)},
    "gradient through the codes": {
        "straight-through": ("--model.quantizer.gradient", "straight_through"),
        "rotation trick": ("--model.quantizer.gradient", "rotation"),
    },
    "loss": {
        "MSE": ("--model.loss", "mse"),
        "L1": ("--model.loss", "l1"),
        "MSE and L1": ("--model.loss", "mse_l1"),
        "log MSE": ("--model.loss", "log_mse"),
    },
    "sampling of data sets": {
        "in proportion": ("--data.balance", "0"),
        "square root": ("--data.balance", "0.5"),
        "equal": ("--data.balance", "1"),
    },
    "augmentation": {
        "flips": (),
        "none": ("--data.augment", "none"),
        "flips and cut joints": ("--data.augment", "cutmix"),
        "flips and shifts": ("--data.augment", "shift"),
        "flips and turns": ("--data.augment", "turn"),
    },
    "optimiser": {
        "Muon": (),
        "AdamW 1e-3": ("--optimizer.name", "adamw"),
        "SGD 2e-2": (
            *("--optimizer.name", "sgd", "--optimizer.learning_rate", "2e-2"),
            *("--optimizer.weight_decay", "1e-3"),  # the paper's; what serves Muon would be far too much
        ),
    },
    "schedule": {
        "cosine, linear warm-up": (),
        "cosine, exponential warm-up over a tenth": (
            *("--optimizer.warmup", "0.1", "--optimizer.warmup_shape", "exponential"),
        ),
        "constant": ("--optimizer.schedule", "constant"),
    },
    "weight averaging": {
        "none": (),
        "0.99": ("--trainer.average_decay", "0.99"),
        "0.999": ("--trainer.average_decay", "0.999"),
    },
    "weight decay": {
        f"{decay:g}": ("--optimizer.weight_decay", f"{decay:g}") for decay in (1e-4, 0.02, 0.1, 0.3, 0.6)
    },
    "decoder": {
        f"{width} wide, {blocks} + {per_scale} blocks": (
            *("--model.decoder.width", f"{width}", "--model.decoder.blocks", f"{blocks}"),
            *("--model.decoder.blocks_per_scale", f"{per_scale}", "--optimizer.weight_decay", "1e-4"),
        )
        for width, blocks, per_scale in ((128, 4, 2), (128, 3, 1), (144, 2, 1), (160, 1, 1), (160, 2, 0))
    },
    "width and depth": {
        "128 wide, 4 + 2 blocks": ("--model.decoder.blocks", "4", "--model.decoder.blocks_per_scale", "2"),
        "192 wide, 2 + 1 blocks": (
            *("--model.decoder.width", "192", "--model.decoder.blocks", "2"),
            *("--model.decoder.blocks_per_scale", "1", "--model.encoder.refine_blocks", "1"),
        ),
        "96 wide, 8 + 3 blocks": (
            *(
                "--model.decoder.width",
                "96",
                "--model.decoder.min_width",
                "48",
                "--model.decoder.blocks",
                "8",
            ),
            *("--model.decoder.blocks_per_scale", "3", "--model.encoder.refine_blocks", "2"),
        ),
    },
    "batch size": {str(size): ("--data.batch_size", str(size)) for size in (32, 64, 128)},
}
