"""One plain paragraph under each table: what it shows, and where ours is worse; made from the figures alone."""

from collections.abc import Sequence

from tests.benchmarks.models.store import Result

Row = tuple[str, Result]
"""Title and result of an arm."""


def compare(rows: Sequence[Row], split: str, *, against: Sequence[Row]) -> str:
    """How the first of ``rows`` does against each of ``against``: in the mean, and where on single sets it is worse."""
    title, ours = rows[0]
    sentences = []
    for other, result in against:
        gap = _psnr(ours, split) - _psnr(result, split)
        sentence = f"{title} is {abs(gap):.2f} dB {'above' if gap >= 0 else '**below**'} {other} in the mean"
        worse = worse_sets(ours, result, split)
        if worse and gap >= 0:
            sentence += "; it is worse on " + ", ".join(f"{name} (by {by:.2f} dB)" for name, by in worse)
        elif gap < 0:
            better = len(ours[split]["datasets"]) - len(worse)
            sentence += f", and better on {better} of {len(ours[split]['datasets'])} sets"
        sentences.append(sentence + ".")
    return " ".join(sentences)


def worse_sets(ours: Result, other: Result, split: str) -> list[tuple[str, float]]:
    """Data sets on which ours has the lower PSNR, and by how many dB."""
    theirs = other[split]["datasets"]
    gaps = {name: theirs[name]["psnr"] - row["psnr"] for name, row in ours[split]["datasets"].items()}
    return [(name, gap) for name, gap in gaps.items() if gap > 0]


def quantisers(rows: Sequence[Row], split: str) -> str:
    """Paragraph of table 1."""
    by_title = dict(rows)
    ceiling = next((r for t, r in rows if "ceiling" in t), None)
    peers = [(t, r) for t, r in rows[1:] if "ceiling" not in t]
    text = compare(rows, split, against=peers)
    if ceiling is not None:
        gap = _psnr(ceiling, split) - _psnr(rows[0][1], split)
        text += f" Without a quantiser the same network would be {gap:.2f} dB better: the price of the bits."
    tuned = next((r for r in by_title.values() if "choice" in r), None)
    if tuned is not None:
        tried = ", ".join(f"{label}: {psnr:.2f} dB" for label, psnr in tuned["candidates"].items())
        text += (
            " The tuned vector-quantize-pytorch (k-means start, dead codes replaced below 2) is the best of"
            f" {len(tuned['candidates'])} after a third of the steps on the validation split ({tried}), then trained"
            " in full."
        )
    return text


def whole(rows: Sequence[Row], split: str) -> str:
    """Paragraph of table 2."""
    return compare(rows, split, against=rows[1:]) + (
        " The peers have their own networks, losses and quantisers, which start, collapse and are sized as their"
        " libraries have it; AdamW at 1e-3 with a cosine, bf16 and channels_last, quantisers in float32, are ours for"
        " them. That rate, ten times the one of their examples, was not tuned. The models are trained one after"
        " another, each once: what else the machine did meanwhile is in the figures, and images/s tells of it."
    )


def paper(rows: Sequence[Row], split: str) -> str:
    """Paragraph of table 3."""
    return compare(rows, split, against=rows[1:]) + (
        " Both see as many images, at 64 px; figures are of their pictures brought back to the data's own size."
    )


def references(rows: Sequence[Row], split: str, ours: Row | None) -> str:
    """Paragraph of table 4; ours is a row of another table at as many bits, where there is one."""
    text = compare([ours], split, against=rows) if ours is not None else ""
    if any(result[split]["mean"]["bits"] for _, result in rows):
        text += (
            " An entropy code is made so that training images take as many bits in the mean; of its row the bits are"
            " those that this split took, averaged over a set, then over the sets, whose images take more or fewer."
        )
    bounds = {t: r["gaussian_bound_psnr"] for t, r in rows if "gaussian_bound_psnr" in r}
    if bounds:
        said = ", ".join(f"{bound:.1f} dB ({title})" for title, bound in bounds.items())
        text += (
            " At these bits a Gaussian source with the covariance of the training images could reach, by reverse"
            f" water-filling, {said}: the PSNR of the mean squared error, where the rows above average the PSNR of"
            " single images, which is higher where some images are harder than others."
        )
    return text.strip()


def codecs(rows: Sequence[Row], split: str) -> str:
    """Paragraph of table 5."""
    smallest, result = min(rows, key=lambda row: float(row[1][split]["mean"]["bits"]))
    return (
        f"The smallest files, those of {smallest}, take {result[split]['mean']['bits'] / 8:.0f} bytes an image in the"
        f" mean, headers included (of {_counts(result, split)} images a set, evenly spread over it). The codebook and"
        " the decoder are not counted on our side, nor the codec's program on theirs."
    )


def throughput(result: Result) -> str:
    """Paragraph of table 6."""
    fastest, shipped = float(result["ratio"]), float(result["ratio_as_shipped"])
    low, high = map(float, result["rows"][0]["range"])
    return (
        f"Ours trains {shipped:.2f} times as many images a second as MONAI's VQVAE as it comes, with as many"
        f" parameters, and {fastest:.2f} times as many as its fastest variant{'' if fastest >= 1 else ', less'}"
        f" (medians of interleaved timings; ours {low:.0f} to {high:.0f}). `vqscope train` runs as the first row does:"
        " channels_last, bf16 where the processor has it, nothing compiled. Fetching, assembling and flipping a batch"
        f" takes {result['data_loading']:.1%} of a step; all that happens between two steps, the trainer's own doings"
        f" included, {result['between_steps']:.1%}."
    )


def _counts(result: Result, split: str) -> str:
    counts = [row["n"] for row in result[split]["datasets"].values()]
    return f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])


def _psnr(result: Result, split: str) -> float:
    return float(result[split]["mean"]["psnr"])
