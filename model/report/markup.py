"""HTML as a tree of elements: the serialiser escapes all text and attributes, so none can become markup."""

from xml.etree import ElementTree as ET

Element = ET.Element

GENERATOR = "vqscope evaluate --report"

# Nothing is fetched and nothing runs, whatever a card holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def element(tag: str, *children: "Element | str | None", **attributes: "str | int | float") -> Element:
    """An element; text children become text, None is left out.

    Attributes are written as given, ``class_`` as class and other underscores as hyphens (``aria_label``).
    """
    made = Element(tag, {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()})
    for child in children:
        if isinstance(child, str):
            if len(made):
                made[-1].tail = (made[-1].tail or "") + child
            else:
                made.text = (made.text or "") + child
        elif child is not None:
            made.append(child)
    return made


def table(
    caption: str, header: list[str], rows: list[list[str]], *, last: bool = False, prose: bool = False
) -> Element:
    """A table whose first column names the row.

    Args:
        caption: above it, and its name to a screen reader.
        header: titles of the columns.
        rows: as long as the header each.
        last: set the last row, a mean or a sum, apart.
        prose: the cells are words, not figures.
    """
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
            **({"class_": "total"} if last and place == len(rows) - 1 else {}),
        )
        for place, row in enumerate(rows)
    ]
    head = element("tr", *(element("th", title, scope="col") for title in header))
    content = element("table", element("thead", head), element("tbody", *body), aria_label=caption)
    scroll = element("div", content, class_="scroll", tabindex=0, role="region", aria_label=caption)
    return element(
        "figure",
        element("figcaption", caption),
        scroll,
        class_="table prose" if prose else "table",
    )


def document(title: str, style: str, *body: Element) -> Element:
    """A page that stands alone."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="generator", content=GENERATOR),
        element("meta", **{"http-equiv": "Content-Security-Policy"}, content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    return element("html", head, element("body", *body), lang="en")


def to_html(page: Element) -> bytes:
    """UTF-8; what Unicode cannot encode, such as half a surrogate pair in a card, becomes a question mark."""
    text = ET.tostring(page, encoding="unicode", method="html")
    return f"<!doctype html>\n{text}\n".encode(errors="replace")
