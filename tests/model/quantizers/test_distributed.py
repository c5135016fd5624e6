"""Codebooks under data-parallel training, on real processes with gloo."""

import os
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from model.quantizers.ema import EMAQuantizer, EMASettings


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _train_rank(rank: int, port: int, folder: str) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.manual_seed(rank)  # the ranks see different images and draw different random numbers
    quantizer = EMAQuantizer(EMASettings(codebook_size=32, code_dim=4)).train()
    for _ in range(20):
        quantizer(torch.randn(4, 4, 4, 4) * (1 + rank))
    torch.save(quantizer.state_dict(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_codebooks_are_bit_identical_across_ranks(tmp_path):
    mp.spawn(_train_rank, args=(_free_port(), str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name in first:
        assert torch.equal(first[name], second[name]), name
