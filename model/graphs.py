"""Encoder and decoder as CUDA graphs while they are trained: a few launches in place of hundreds."""

from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from model.vqvae import VQVAE


class CapturedPasses(Callback):
    """Replays the passes of encoder and decoder, forward and backward, from CUDA graphs.

    At 28 pixels a GPU is through with a layer before the processor has launched the next. Batches of another size
    than the usual one (an epoch's last), validation, several devices and the CPU go the plain way; the quantiser
    always does, so that any can be compared.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._captured: list[nn.Module] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Capture, on images of zeros: what they do to the statistics of batches is undone."""
        if pl_module.device.type != "cuda" or trainer.world_size > 1:
            return
        assert isinstance(pl_module, VQVAE)
        settings = pl_module.settings
        images = torch.zeros(
            (self._batch_size, 3, settings.image_size, settings.image_size), device=pl_module.device
        ).contiguous(memory_format=torch.channels_last)
        latents = torch.zeros(
            (self._batch_size, settings.quantizer.code_dim, settings.grid, settings.grid),
            device=pl_module.device,
        ).contiguous(memory_format=torch.channels_last)
        networks: tuple[nn.Module, ...] = (pl_module.encoder, pl_module.decoder)
        buffers = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
        with trainer.precision_plugin.forward_context():
            torch.cuda.make_graphed_callables(networks, ((images,), (latents.requires_grad_(),)))
        for buffer, before in buffers:
            buffer.copy_(before)
        for network in networks:
            _only_for_batches_of(network, self._batch_size)
        self._captured = list(networks)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the networks their plain passes back."""
        for network in self._captured:
            del network.forward  # the instance's, which hides that of the class
        self._captured = []


def _only_for_batches_of(network: nn.Module, size: int) -> None:
    """A graph takes one shape only: send the others the plain way."""
    replay: Callable[[Tensor], Any] = network.forward
    plain: Callable[[nn.Module, Tensor], Any] = type(network).forward

    def forward(batch: Tensor) -> object:
        return replay(batch) if len(batch) == size else plain(network, batch)

    network.forward = forward
