"""What the service says of uploaded images, as values of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Json = Mapping[str, Any]
MEASURES: Mapping[str, str] = {
    "knn_distance": "Distance to the nearest images",
    "quantisation_error": "Quantisation error",
    "code_rarity": "Rarity of its codes",
    "reconstruction_error": "Reconstruction error",
}
"""The four measures of unusualness by the service's names, as a reader knows them."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """An indexed image near an uploaded one, and its own place on the map."""

    dataset: str
    split: str
    position: int
    label_name: str
    distance: float
    """Cosine distance of the embeddings."""
    x: float
    y: float

    @classmethod
    def of(cls, item: Json) -> Self:
        """From one neighbour of /v1/project."""
        return cls(
            dataset=str(item["dataset"]),
            split=str(item["split"]),
            position=int(item["position"]),
            label_name=str(item["label_name"]),
            distance=float(item["distance"]),
            x=float(item["x"]),
            y=float(item["y"]),
        )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Share of held-out images that an image is more unusual than, with its 95 % interval; all in [0, 1]."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, item: Json) -> Self:
        """From one standing of /v1/outliers."""
        low, high = item["interval"]
        return cls(share=float(item["more_unusual_than"]), low=float(low), high=float(high))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How unusual an image is among held-out ones."""

    words: str
    most_like: str
    """Data set that it fits best."""
    measures: Mapping[str, Standing]
    """By the service's name of the measure."""

    @classmethod
    def of(cls, item: Json) -> Self:
        """From one item of /v1/outliers."""
        overall = item["overall"]
        measures = {name: Standing.of(one) for name, one in overall["measures"].items()}
        return cls(words=str(overall["words"]), most_like=str(item["most_like"]), measures=measures)


@dataclass(frozen=True, kw_only=True)
class PlacedImage:
    """An uploaded image: what the model makes of it, where it lands, how unusual it is."""

    filename: str
    pictures: Mapping[str, str]
    """Base64 PNGs of the image as the model sees it, its reconstruction and the error, by these names."""
    psnr: float
    ssim: float
    mae: float
    x: float
    y: float
    inside: tuple[str, ...]
    """Data sets whose ellipse contains the place."""
    neighbours: tuple[Neighbour, ...]
    verdict: Verdict | None
    """None where the service has none, see `Placed.no_verdict`."""


@dataclass(frozen=True)
class Failed:
    """A file that the service could not take, and why."""

    filename: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Some uploaded images on one map, in the order of the files."""

    index: str
    map: str
    images: tuple[PlacedImage, ...]
    failed: tuple[Failed, ...]
    no_verdict: str
    """Why there are no verdicts; empty where there are."""

    @classmethod
    def of(cls, reconstructed: Json, projected: Json, outliers: Json) -> Self:
        """From what /v1/reconstruct, /v1/project and /v1/outliers say of the same files.

        Raises:
            KeyError, TypeError, ValueError: they are of another shape.
        """
        no_verdict = str(outliers.get("unavailable", ""))
        verdicts = [None] * len(projected["items"]) if no_verdict else outliers["items"]
        triples = list(zip(reconstructed["items"], projected["items"], verdicts, strict=True))
        return cls(
            index=str(projected["index"]),
            map=str(projected["map"]),
            images=tuple(_image(*triple) for triple in triples if _why(*triple) is None),
            failed=tuple(
                Failed(str(triple[0]["filename"]), why) for triple in triples if (why := _why(*triple))
            ),
            no_verdict=no_verdict,
        )


def _why(*items: Json | None) -> str | None:
    """Why a file failed, where one of the answers to it says so."""
    found = [str(item["problem"]["detail"]) for item in items if item is not None and "problem" in item]
    return found[0] if found else None


def _image(made: Json, place: Json, verdict: Json | None) -> PlacedImage:
    return PlacedImage(
        filename=str(made["filename"]),
        pictures={
            "image": str(made["image"]),
            "reconstruction": str(made["reconstruction"]),
            "error": str(made["error_map"]),
        },
        # JSON has no infinity: a perfect reconstruction arrives as null.
        psnr=float("inf") if made["psnr"] is None else float(made["psnr"]),
        ssim=float(made["ssim"]),
        mae=float(made["mae"]),
        x=float(place["x"]),
        y=float(place["y"]),
        inside=tuple(str(name) for name in place["inside"]),
        neighbours=tuple(Neighbour.of(one) for one in place["neighbours"]),
        verdict=None if verdict is None else Verdict.of(verdict),
    )
