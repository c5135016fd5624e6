"""How unusual an image is, judged in the latent space against held-out images; never from a place on a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.intervals import Interval, proportion_interval
from model.latent.code_rarity import CodeRarity
from model.latent.errors import SettingError
from model.latent.neighbours import nearest
from model.latent.typicality import MEASURES, Typicality

if TYPE_CHECKING:
    from model.inference import Analysis

EVERYTHING = "all"
"""Name of the verdict against the held-out images of all data sets together."""

Floats = NDArray[np.float64]
_OF_DATASET = np.array([name in ("knn_distance", "code_rarity") for name in MEASURES])


@dataclass(frozen=True, kw_only=True)
class OutlierSettings:
    """How the references are made. How the defaults were chosen, and on what: docs/outliers.md."""

    neighbour: int = 1
    """k: the distance to the k-th nearest training image is measured."""
    smoothing: float = 10.0
    """Weight of the prior of a code's frequency, in images; see `CodeRarity`."""
    max_training: int = 4000
    """Training images of a data set that distances are measured to; of more, so many are drawn."""
    max_validation: int = 1000
    """Held-out images of a data set that are ranked against; of more, so many are drawn."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.neighbour < 1 or self.max_training < self.neighbour or self.max_validation < MIN_HELD_OUT:
            raise SettingError(
                f"neighbour must be at least 1, max_training at least that, max_validation at least {MIN_HELD_OUT}"
            )
        if not self.smoothing > 0:
            raise SettingError(f"smoothing must be positive, not {self.smoothing}")


MIN_HELD_OUT = 20
"""Held-out images that a data set needs: of fewer, neither a covariance nor a rank says much."""


@dataclass(frozen=True, eq=False)
class LatentImages:
    """What is asked of N images."""

    embeddings: NDArray[np.float32]
    """(N, D)"""
    codes: NDArray[np.integer[Any]]
    """(N, H', W')"""
    quantisation_error: NDArray[np.floating[Any]]
    """(N,)"""
    psnr: NDArray[np.floating[Any]]
    """(N,) in dB, at the size at which the model was given the images."""

    def __len__(self) -> int:
        return len(self.embeddings)

    @classmethod
    def of(cls, analysis: "Analysis") -> "LatentImages":
        """Take it from what a model says of images."""
        encoding = analysis.encoding
        return cls(encoding.embeddings, encoding.codes, encoding.quantisation_error, analysis.figures.psnr)


Images = LatentImages | Mapping[int, LatentImages]
"""The same images at each size that a detector asks for, by size; or at one: an image of the index at its own."""


@dataclass(frozen=True, eq=False)
class DatasetReference:
    """What the images of one data set are like: fitted to its training and validation images alone."""

    name: str
    title: str
    image_size: int
    """Side of its images in pixels; the measures depend on it, so new images are judged at this size."""
    bank: NDArray[np.float32]
    """(B, D) embeddings of training images, which may be memory-mapped."""
    rarity: CodeRarity
    """Of all its training images."""
    typicality: Typicality
    measures: Floats
    """(n, 4) of the validation images."""
    strangeness: Floats
    """(n,) of the validation images, each under a fit to the others."""


def measure(bank: NDArray[np.float32], rarity: CodeRarity, images: LatentImages, neighbour: int) -> Floats:
    """(N, 4) `MEASURES` of images, distance and rarity as a data set of this bank (B, D) and these codes has it."""
    _, distances = nearest(bank, images.embeddings, k=neighbour)
    mse = 10.0 ** (-np.asarray(images.psnr, np.float64) / 10)
    columns = (distances[:, -1], images.quantisation_error, rarity.score(images.codes), mse)
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


@dataclass(frozen=True)
class Standing:
    """A figure of an image among the same figure of n held-out images."""

    value: float
    more_unusual_than: float
    """Share of held-out images below it, ``1 - p`` with the conformal p-value ``(1 + #{as large}) / (n + 1)`` (S. Bates
    et al. 2023, Testing for outliers with conformal p-values, Ann. Stat. 51, 149): at most n / (n + 1)."""
    interval: Interval
    """Wilson's 95 % interval of the share of the population below it."""


@dataclass(frozen=True)
class Verdict:
    """How unusual an image is among the held-out images of one data set, or of all."""

    reference: str
    """Name of the data set, or `EVERYTHING`."""
    title: str
    n: int
    """Held-out images."""
    resolution: float
    """1 / (n + 1): no smaller share can be told."""
    measures: dict[str, Standing]
    """By name of `MEASURES`."""
    combined: Standing
    """Of the strangeness (`Typicality`), of `EVERYTHING` the least of all data sets."""

    @property
    def words(self) -> str:
        """Such as ``more unusual than 99.2 % of 524 held-out images of PneumoniaMNIST``."""
        share = 100 * self.combined.more_unusual_than
        digits = max(0, int(np.ceil(-np.log10(100 * self.resolution))))
        return (
            f"more unusual than {share:.{digits}f} % of {self.n:,} held-out images of {self.title}"
            f" (told in steps of {100 * self.resolution:.2g} %)"
        )


@dataclass(frozen=True)
class Judgement:
    """All verdicts on one image."""

    overall: Verdict
    datasets: tuple[Verdict, ...]
    """In the order of the references."""
    most_like: str
    """Data set under which the image is least strange."""


@dataclass(frozen=True, eq=False)
class OutlierDetector:
    """Judges images against the references of all data sets.

    An image is as strange as the data set that it fits best says (the union of hypotheses "it is of this data set" is
    rejected where all are: R. L. Berger 1982, Multiparameter hypothesis testing and acceptance sampling, Technometrics
    24, 295), and the rank of that among the held-out images of all data sets is the overall verdict.
    """

    references: tuple[DatasetReference, ...]
    skipped: Mapping[str, str]
    """Why a data set has no reference, by its name."""
    measures: Floats
    """(n, 4) overall measures of all held-out images, see `overall_measures`."""
    strangeness: Floats
    """(n,) overall strangeness of all held-out images."""
    settings: OutlierSettings

    @property
    def image_sizes(self) -> tuple[int, ...]:
        """Sizes of the images of all references, ascending: give new images at each of these."""
        return tuple(sorted({reference.image_size for reference in self.references}))

    def measure(self, images: Images) -> Floats:
        """(R, N, 4): measures of N images under each of the R references."""
        neighbour = self.settings.neighbour
        return np.stack(
            [measure(r.bank, r.rarity, _at(images, r.image_size), neighbour) for r in self.references]
        )

    def strangeness_of(self, measures: Floats) -> Floats:
        """(R, N, 4) measures -> (R, N) strangeness under each reference."""
        pairs = zip(self.references, measures, strict=True)
        return np.stack([reference.typicality.strangeness(own) for reference, own in pairs])

    def judge(self, images: Images) -> list[Judgement]:
        """One judgement for each of N images.

        Raises:
            SettingError: shapes that do not fit the references, or a size of theirs that is missing.
        """
        for size in self.image_sizes:
            shape = _at(images, size).embeddings.shape
            if len(shape) != 2 or shape[1] != self.references[0].bank.shape[1]:
                raise SettingError(f"embeddings {shape} do not fit the references")
        measures = self.measure(images)
        strange = self.strangeness_of(measures)
        overall = overall_measures(measures, strange)
        judgements = []
        for i in range(len(overall)):
            verdicts = tuple(
                _verdict(r.name, r.title, own[i], how[i], r.measures, r.strangeness)
                for r, own, how in zip(self.references, measures, strange, strict=True)
            )
            everything = _verdict(
                EVERYTHING,
                "all data sets",
                overall[i],
                strange[:, i].min(),
                self.measures,
                self.strangeness,
            )
            most_like = self.references[int(strange[:, i].argmin())].name
            judgements.append(Judgement(everything, verdicts, most_like))
        return judgements


def overall_measures(measures: Floats, strangeness: Floats) -> Floats:
    """(R, N, 4) and (R, N) -> (N, 4): distance and rarity under the data set where each is least.

    The others are those at the image size of the data set that the image fits best.
    """
    best = measures[strangeness.argmin(axis=0), np.arange(measures.shape[1])]
    overall: Floats = np.where(_OF_DATASET, measures.min(axis=0), best)
    return overall


def _at(images: Images, size: int) -> LatentImages:
    if isinstance(images, LatentImages):
        return images
    if size not in images:
        raise SettingError(f"images at {size} pixels are needed; given: {', '.join(map(str, images))}")
    return images[size]


def _verdict(
    reference: str, title: str, own: Floats, strange: float, measures: Floats, strangeness: Floats
) -> Verdict:
    return Verdict(
        reference=reference,
        title=title,
        n=len(strangeness),
        resolution=1 / (len(strangeness) + 1),
        measures={name: standing(own[i], measures[:, i]) for i, name in enumerate(MEASURES)},
        combined=standing(strange, strangeness),
    )


def standing(value: float, held_out: Floats | Sequence[float]) -> Standing:
    """Rank a figure, larger for more unusual, among those of held-out images (n,), n at least 1."""
    others = np.asarray(held_out, np.float64)
    below, n = int((others < value).sum()), len(others)
    return Standing(float(value), below / (n + 1), proportion_interval(below, n))
