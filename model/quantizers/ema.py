"""Vector quantisation with a codebook learnt by exponential moving averages."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from model.quantizers import distributed
from model.quantizers.base import Quantized, Quantizer
from model.quantizers.gradients import GRADIENTS, Gradient
from model.quantizers.kmeans import kmeans


@dataclass(frozen=True, kw_only=True)
class EMASettings:
    """Settings of the EMA quantiser."""

    codebook_size: int = 512
    code_dim: int = 8
    """Few dimensions keep every code in use (Yu et al. 2021, 2110.04627)."""
    decay: float = 0.9
    """Of the moving averages, per step."""
    commitment: float = 0.25
    """Weight beta of the commitment loss."""
    restart_below: float = 0.1
    """A code that is chosen less often than this share of its even share (N latents / K codes per batch) is moved
    to a random latent of the batch; 0: never. Relative, since with small batches every code is chosen rarely."""
    kmeans_steps: int = 10
    """Lloyd steps on the first batch that place the codebook; 0: start from random latents of it."""
    gradient: Gradient = "straight_through"
    """How the gradient passes the choice of a code."""
    epsilon: float = 1e-5
    """Laplace smoothing of the counts."""

    def __post_init__(self) -> None:
        if not 2 <= self.codebook_size <= 65536:
            raise ValueError(f"quantizer.codebook_size must be 2 to 65536, not {self.codebook_size}")
        if self.code_dim < 1:
            raise ValueError(f"quantizer.code_dim must be at least 1, not {self.code_dim}")
        if not 0 < self.decay < 1:
            raise ValueError(f"quantizer.decay must lie between 0 and 1, not {self.decay}")
        if not 0 <= self.restart_below < 1:
            raise ValueError(f"quantizer.restart_below must lie in [0, 1), not {self.restart_below}")
        if self.commitment < 0 or self.kmeans_steps < 0 or self.epsilon < 0:
            raise ValueError("quantizer.commitment, kmeans_steps and epsilon cannot be negative")


class EMAQuantizer(Quantizer):
    """VQ with EMA updates (van den Oord et al. 2017, 1711.00937, appendix A.1).

    With counts N and sums m of the latents that chose each code, per step of training:
    ``N <- g N + (1 - g) n``, ``m <- g m + (1 - g) sum z``, ``e = m / N``. Started by k-means on the first batch;
    codes that hardly anything chooses are restarted from latents of the batch (Dhariwal et al. 2020, 2005.00341).
    Under DDP all ranks hold the same codebook, bit for bit: counts and sums are all-reduced, and random choices
    are made on rank 0 and broadcast.
    """

    codebook: Tensor
    ema_count: Tensor
    ema_sum: Tensor
    started: Tensor

    def __init__(self, settings: EMASettings) -> None:
        super().__init__()
        self.settings = settings
        self.codebook_size = settings.codebook_size
        self.code_dim = settings.code_dim
        codebook = torch.randn(settings.codebook_size, settings.code_dim)
        self.register_buffer("codebook", codebook)
        # Counts start at one, not zero: the first updates then divide by something sane.
        self.register_buffer("ema_count", torch.ones(settings.codebook_size))
        self.register_buffer("ema_sum", codebook.clone())
        self.register_buffer("started", torch.tensor(False))
        self._known_started = False  # to ask the buffer at every step would make a GPU wait

    def forward(self, latent: Tensor) -> Quantized:
        """B D H W -> codes. Runs in float32 whatever the autocast: bfloat16 distances would flip codes."""
        with torch.autocast(latent.device.type, enabled=False):
            latent = latent.float()
            vectors = latent.movedim(1, -1)  # B D H W -> B H W D
            flat = vectors.reshape(-1, self.code_dim)  # N D
            if self.training and not self._known_started:
                if not bool(self.started):
                    self._start(flat.detach())
                self._known_started = True
            codes = self._nearest(flat)
            chosen = F.embedding(codes, self.codebook)
            if self.training:
                self._update(flat.detach(), codes)
            through = GRADIENTS[self.settings.gradient](flat, chosen).view_as(vectors).movedim(-1, 1)
            quantised = chosen.view_as(vectors).movedim(-1, 1)
            commitment = F.mse_loss(latent, quantised)
            error = (latent.detach() - quantised).square().sum(1).mean((1, 2))
            return Quantized(
                through, codes.view(vectors.shape[:-1]), self.settings.commitment * commitment, error
            )

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - torch's signature
        self._known_started = False  # what is loaded may not be
        super()._load_from_state_dict(*args, **kwargs)

    def lookup(self, codes: Tensor) -> Tensor:
        """B H W -> B D H W."""
        return F.embedding(codes.long(), self.codebook).movedim(-1, 1)

    @torch.no_grad()
    def _nearest(self, flat: Tensor) -> Tensor:
        """Index of the nearest code of each row; |z|^2 is the same for all codes and left out."""
        scores = torch.addmm(self.codebook.square().sum(1), flat, self.codebook.T, beta=1, alpha=-2)
        return scores.argmin(1)

    @torch.no_grad()
    def _start(self, flat: Tensor) -> None:
        self.codebook.copy_(
            distributed.from_rank_zero(lambda: kmeans(flat, self.codebook_size, self.settings.kmeans_steps))
        )
        self.ema_sum.copy_(self.codebook)
        self.started.fill_(True)

    @torch.no_grad()
    def _update(self, flat: Tensor, codes: Tensor) -> None:
        # Not bincount, which makes a GPU wait to find the greatest.
        counts = torch.zeros_like(self.ema_count).index_add_(0, codes, flat.new_ones(len(flat)))
        sums = torch.zeros_like(self.ema_sum).index_add_(0, codes, flat)
        distributed.sum_over_ranks(counts)
        distributed.sum_over_ranks(sums)
        decay = self.settings.decay
        self.ema_count.lerp_(counts, 1 - decay)
        self.ema_sum.lerp_(sums, 1 - decay)
        if self.settings.restart_below:
            self._restart(flat, counts.sum() / self.codebook_size)
        total = self.ema_count.sum()
        smoothed = (
            (self.ema_count + self.settings.epsilon)
            / (total + self.codebook_size * self.settings.epsilon)
            * total
        )
        self.codebook.copy_(self.ema_sum / smoothed[:, None])

    def _restart(self, flat: Tensor, even_share: Tensor) -> None:
        """Move codes in disuse to random latents of this batch, with the count of a code in even use.

        With less they would be found in disuse again before they had a chance. A latent is drawn for every code,
        needed or not: to count the codes in disuse first would make a GPU wait.
        """
        dead = self.ema_count < self.settings.restart_below * even_share  # K
        replacements = distributed.from_rank_zero(
            lambda: flat[torch.randint(len(flat), (self.codebook_size,), device=flat.device)]
        )
        self.ema_sum.copy_(torch.where(dead[:, None], replacements * even_share, self.ema_sum))
        self.ema_count.copy_(torch.where(dead, even_share, self.ema_count))
