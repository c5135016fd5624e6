"""What the tests of all packages share: real images, a really trained tiny model, its index."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# Tests start servers and trainings of their own; threads that outnumber the cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "NUMBA_NUM_THREADS", "1"
)  # numba sets the number for all that share its OpenMP, torch too

# Nor may a busy machine fail an example that is slow for once.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the processes they start, away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives a folder that the first of all pytest workers to ask for it makes, and that nobody changes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared / "once" / name
        done = folder.with_name(f"{folder.name}.done")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def sample_dir(made_once: Callable[..., Path]) -> Path:
    """Folder with the offline sample: real images, made without a network."""
    from model.data.sample import write_sample

    def make(folder: Path) -> None:
        folder.mkdir()
        write_sample(folder)

    return made_once("sample", make)


@pytest.fixture(scope="session")
def sample_names(sample_dir: Path) -> tuple[str, ...]:
    """Names of the sample's data sets."""
    return tuple(sorted(path.stem for path in sample_dir.glob("*.npz")))


@pytest.fixture(scope="session")
def tiny_model_dir(sample_dir: Path, sample_names: tuple[str, ...], made_once: Callable[..., Path]) -> Path:
    """Run folder of a tiny VQ-VAE, trained on the sample for two epochs."""
    from model.data.settings import DataSettings
    from model.networks.decoder import DecoderSettings
    from model.networks.encoder import EncoderSettings
    from model.optimization import OptimizerSettings
    from model.quantizers.ema import EMASettings
    from model.training import TrainerSettings, TrainSettings, train
    from model.vqvae import VQVAESettings

    def make(folder: Path) -> None:
        train(
            TrainSettings(
                data=DataSettings(datasets=sample_names, data_dir=sample_dir, batch_size=64),
                run_dir=folder,
                model=VQVAESettings(
                    encoder=EncoderSettings(stages=1, stem_pool=True, refine_blocks=0),
                    # A slow codebook leaves some codes unused: pages and routes have something to say of them.
                    quantizer=EMASettings(codebook_size=64, decay=0.99),
                    decoder=DecoderSettings(width=32, min_width=16, blocks=1, blocks_per_scale=1),
                ),
                optimizer=OptimizerSettings(learning_rate=3e-3),
                trainer=TrainerSettings(max_epochs=2, progress=False, accelerator="cpu"),
            )
        )

    return made_once("runs/tiny", make)


@pytest.fixture(scope="session")
def tiny_index_dir(
    sample_dir: Path,
    sample_names: tuple[str, ...],
    tiny_model_dir: Path,
    made_once: Callable[..., Path],
) -> Path:
    """Latent index of the sample under the tiny model."""
    from model.inference import load_model
    from model.latent.index import build_index

    def make(folder: Path) -> None:
        build_index(
            load_model(tiny_model_dir, "cpu"),
            data_dir=sample_dir,
            datasets=sample_names,
            out=folder,
            progress=False,
        )

    return made_once("indexes/tiny", make)


@pytest.fixture(scope="session")
def mixed_dir(sample_dir: Path, tiny_model_dir: Path, made_once: Callable[..., Path]) -> Path:
    """Data sets of two image sizes, ``small`` of 28 and ``large`` of 56 pixels, with their latent index ``index``."""
    import numpy as np

    from model.data.arrays import open_split
    from model.inference import load_model
    from model.latent.index import build_index

    def make(folder: Path) -> None:
        folder.mkdir()
        sets: dict[str, dict[str, np.ndarray]] = {"small": {}, "large": {}}
        rng = np.random.default_rng(0)
        # Splits are drawn alike, so that nothing but the size makes an image unusual.
        pool = rng.permutation(open_split("sample_mr", "train", data_dir=sample_dir).images)
        for split, start, stop in (("train", 0, 240), ("val", 240, 400), ("test", 400, 480)):
            images = pool[start:stop]
            tiles = images.reshape(-1, 2, 2, 28, 28).swapaxes(2, 3).reshape(-1, 56, 56)
            grain = rng.normal(0, 40, tiles.shape)  # is lost on the way to 28 pixels
            for name, pictures in (("small", images), ("large", np.clip(tiles + grain, 0, 255))):
                sets[name] |= {
                    f"{split}_images": pictures.astype(np.uint8),
                    f"{split}_labels": np.arange(len(pictures), dtype=np.uint8)[:, None] % 2,
                }
        for name, arrays in sets.items():
            np.savez_compressed(folder / f"{name}.npz", **arrays)
        build_index(
            load_model(tiny_model_dir, "cpu"),
            data_dir=folder,
            datasets=tuple(sets),
            out=folder / "index",
            progress=False,
        )

    return made_once("mixed", make)


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Folder of real MedMNIST files, where this machine has one; tests that need it are skipped elsewhere."""
    candidates = [os.environ.get("VQSCOPE_DATA"), REPOSITORY.parent / "shared" / "data"]
    for candidate in candidates:
        if candidate and (Path(candidate) / "breastmnist.npz").is_file():
            return Path(candidate).resolve()
    pytest.skip("no folder of MedMNIST files here: set VQSCOPE_DATA to one")
