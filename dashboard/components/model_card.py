"""The card of a model: what it is, what it was trained on, how well it does, and what it is not for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.answers import Dataset
from dashboard.answers_cards import Figure, ModelCard, Score
from dashboard.components.attributes import attributes
from dashboard.components.legend import swatch
from dashboard.components.words import count

Datasets = Mapping[str, Dataset]
_TRAINING = {
    "epochs": "Epochs",
    "steps": "Steps",
    "batch_size": "Batch size",
    "seed": "Seed",
    "device": "Device",
    "precision": "Precision",
    "torch": "PyTorch",
    "augment": "Augmentation",
}


def model_card(model: ModelCard, datasets: Datasets) -> html.Article:
    """Everything the service tells of a model; parts that its card lacks are left out or said to be missing."""
    card = model.card
    return html.Article(
        [
            html.Div(
                [html.H2(model.name, className="models-title"), html.Span(model.version, className="muted")],
                className="panel-head",
            ),
            html.Div(
                [
                    html.Div(
                        [
                            *_passage("Intended use", card.get("intended_use")),
                            *_passage("Limits", card.get("limits")),
                            *_list("Caveats", card.get("caveats") or ()),
                            html.Div("What it is", className="section-title"),
                            _facts(model),
                        ]
                    ),
                    html.Div(
                        [
                            *_scores(model, datasets),
                            *_learnt_from(card.get("datasets") or (), datasets),
                            *_training(card.get("training") or {}),
                        ]
                    ),
                ],
                className="models-columns",
            ),
        ],
        className="panel models-model",
        **attributes({"data-model": model.name, "aria-label": f"Model {model.name}"}),
    )


def facts(rows: Iterable[tuple[str, str, Any]]) -> html.Dl:
    """Names and values: (key, name, value) each."""
    parts: list[Component] = []
    for key, name, value in rows:
        parts += [html.Dt(name), html.Dd(value, **attributes({"data-fact": key}))]
    return html.Dl(parts, className="facts")


def digest(text: str) -> html.Code:
    """A checksum, which may break anywhere."""
    return html.Code(text, className="digest")


def table(
    label: str, head: Sequence[str], rows: Sequence[Component], *, texts: Sequence[str] = ()
) -> html.Div:
    """A table that scrolls by itself where it is too wide; `texts`: heads of columns that hold no numbers."""
    return html.Div(
        html.Table(
            [
                html.Thead(
                    html.Tr(
                        [
                            html.Th(name, scope="col", className="text" if name in texts else "")
                            for name in head
                        ]
                    )
                ),
                html.Tbody(rows),
            ],
            className="models-table",
            **attributes({"aria-label": label}),
        ),
        className="models-scroll",
        tabIndex="0",
        role="group",
        **attributes({"aria-label": label}),
    )


def _facts(model: ModelCard) -> html.Dl:
    rows, columns = model.code_grid
    embedding = model.card.get("embedding") or {}
    parameters = model.card.get("parameters")
    return facts(
        [
            ("sha256", "SHA-256 of the weights", digest(model.sha256)),
            ("image_size", "Image size", f"{model.image_size} × {model.image_size} pixels"),
            ("code_grid", "Code grid", f"{rows} × {columns} codes of {count(model.codebook_size)}"),
            ("bits_per_image", "Rate", f"{model.bits_per_image:,.0f} bits an image"),
            (
                "embedding",
                "Embedding",
                f"{count(model.embedding_dim)} numbers, {model.embedding_version}"
                + (f": {embedding['definition']}" if embedding.get("definition") else ""),
            ),
            *([] if parameters is None else [("parameters", "Parameters", count(int(parameters)))]),
            *([("created", "Trained", str(model.card["created"]))] if model.card.get("created") else []),
        ]
    )


def _passage(title: str, text: object) -> list[Component]:
    if not text:
        return []
    return [html.Div(title, className="section-title"), html.P(str(text), className="models-text")]


def _list(title: str, texts: Sequence[object]) -> list[Component]:
    if not texts:
        return []
    return [
        html.Div(title, className="section-title"),
        html.Ul([html.Li(str(text)) for text in texts], className="models-list"),
    ]


def _scores(model: ModelCard, datasets: Datasets) -> list[Component]:
    title = html.Div("How well it does", className="section-title")
    scores = model.scores
    if not scores:
        return [
            title,
            html.P("This model has not been evaluated: see vqscope evaluate.", className="models-text"),
        ]
    split = (model.card.get("figures") or {}).get("split", "test")
    head = ("Data set", "Images", "PSNR, dB", "SSIM", "MAE, % of range", "Linear probe, accuracy", "AUC")
    return [
        title,
        table(f"Figures on {split} images", head, [_score(score, datasets) for score in scores]),
        html.P(
            f"On {split} images, with 95 % intervals. The linear probe is a logistic regression on the embeddings. "
            "*: own split, not comparable with published scores of the data set.",
            className="note",
        ),
    ]


def _score(score: Score, datasets: Datasets) -> html.Tr:
    dataset = datasets.get(score.name or "")
    name = "Mean of the data sets" if score.name is None else score.name
    star = " *" if score.comparable is False else ""
    return html.Tr(
        [
            html.Th([*([swatch(dataset.index)] if dataset else []), f" {name}{star}"], scope="row"),
            html.Td("" if score.n is None else count(score.n)),
            _cell("psnr", score.psnr, 2),
            _cell("ssim", score.ssim, 3),
            _cell("mae", score.mae, 2, 100),
            _cell("accuracy", score.accuracy, 3),
            _cell("auc", score.auc, 3),
        ],
        **attributes({"data-score": score.name or "mean"}),
    )


def _cell(key: str, figure: Figure | None, digits: int, scale: int = 1) -> html.Td:
    if figure is None:
        return html.Td("–", **attributes({"data-figure": key}))
    interval = figure.interval
    return html.Td(
        [
            html.Div(f"{scale * figure.value:.{digits}f}", className="value"),
            *(
                []
                if interval is None
                else [
                    html.Div(
                        f"{scale * interval[0]:.{digits}f} – {scale * interval[1]:.{digits}f}",
                        className="range",
                    )
                ]
            ),
        ],
        **attributes({"data-figure": key}),
    )


def _learnt_from(entries: Sequence[Mapping[str, Any]], datasets: Datasets) -> list[Component]:
    if not entries:
        return []
    rows: list[Component] = []
    for entry in entries:
        name = str(entry.get("name", ""))
        dataset = datasets.get(name)
        n = entry.get("n_train")
        rows.append(
            html.Tr(
                [
                    html.Th([*([swatch(dataset.index)] if dataset else []), f" {name}"], scope="row"),
                    html.Td("–" if n is None else count(int(n))),
                    html.Td(str(entry.get("modality") or ""), className="text"),
                    html.Td(str(entry.get("licence") or ""), className="text"),
                    html.Td(digest(str(entry.get("md5") or "–")), className="text"),
                ],
                **attributes({"data-learnt": name}),
            )
        )
    head = ("Data set", "Images", "Modality", "Licence", "MD5")
    return [
        html.Div("Learnt from", className="section-title"),
        table("Data sets that the model was trained on", head, rows, texts=head[2:]),
    ]


def _training(training: Mapping[str, Any]) -> list[Component]:
    rows = [
        (key, name, f"{training[key]:,}" if isinstance(training[key], int) else str(training[key]))
        for key, name in _TRAINING.items()
        if training.get(key) is not None
    ]
    optimizer = training.get("optimizer") or {}
    if optimizer.get("name"):
        rows.append(
            ("optimizer", "Optimiser", f"{optimizer['name']}, learning rate {optimizer.get('learning_rate')}")
        )
    if not rows:
        return []
    return [html.Div("Training", className="section-title"), facts(rows)]
