"""Ellipses of groups on a map: what can be asked, and the answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from backend.dependencies import INT32_MAX
from backend.schemas import IndexAnswer
from backend.schemas_selections import Coordinate, Name
from model.data.npz import Split
from model.latent.ellipse import EllipseKind
from model.latent.grouping import MAX_BINS, MAX_GROUPS

MapPoint = Annotated[
    list[float],
    Field(
        min_length=2, max_length=3, description="As many coordinates as the map.", examples=[[0.71, -1.32]]
    ),
]
ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
ConditionText = Annotated[str, Field(max_length=330)]
LabelValue = Annotated[int, Field(ge=-INT32_MAX, le=INT32_MAX)]
EdgeValue = Annotated[float, Field(allow_inf_nan=False)]
Warnings = Annotated[
    list[str], Field(description="What to know before it is believed.", examples=[["n = 9: unreliable"]])
]


class PolygonSelection(BaseModel):
    """Only the images inside a polygon on a map of two dimensions."""

    model_config = ConfigDict(extra="forbid")

    map: str = Field("pca", max_length=200, description="The map that it is drawn on.", examples=["pca"])
    polygon: list[tuple[Coordinate, Coordinate]] = Field(
        min_length=3,
        max_length=2000,
        description="Vertices in that map's units; the last is joined to the first. By the even-odd rule.",
        examples=[[(-20.0, -20.0), (20.0, -20.0), (0.0, 20.0)]],
    )


class EllipsesRequest(BaseModel):
    """Which images, in which groups, and which ellipses of them; without a polygon also possible as a query."""

    model_config = ConfigDict(extra="forbid")

    group_by: ColumnName = Field(
        "dataset",
        description="dataset; label: each label of each data set, in a multi-label one each class (an image of several "
        "is in several groups) and the images of none; "
        "split; or a column: psnr, ssim, mae, quantisation_error, or one of metadata.",
        examples=["dataset"],
    )
    bins: int = Field(
        4,
        ge=2,
        le=MAX_BINS,
        description="A column of more different numbers than this is parted into as many intervals of about equally "
        "many images.",
        examples=[4],
    )
    edges: list[EdgeValue] = Field(
        [],
        max_length=MAX_GROUPS - 1,
        description="Part a column of numbers here instead, ascending.",
        examples=[[40.0, 60.0]],
    )
    min_n: int = Field(
        1, ge=1, le=INT32_MAX, description="Groups of fewer images are left out.", examples=[1]
    )
    kind: EllipseKind = Field(
        "prediction",
        description="What the ellipse covers: a new image, the group's mean, a share of it.",
        examples=["prediction"],
    )
    level: float = Field(
        0.95, gt=0, le=0.9999, description="Nominal coverage; not used by sigma.", examples=[0.95]
    )
    k: float = Field(3.0, gt=0, lt=100, description="Standard deviations, for sigma.", examples=[3.0])
    datasets: list[Name] = Field(
        [], max_length=1000, description="Only these data sets; none: all.", examples=[[]]
    )
    splits: list[Split] = Field([], max_length=3, description="Only these splits; none: all.", examples=[[]])
    labels: list[LabelValue] = Field(
        [],
        max_length=100,
        description="Only images of these classes; of a multi-label data set those that have one of them, among "
        "others.",
        examples=[[0]],
    )
    where: list[ConditionText] = Field(
        [],
        max_length=32,
        description="Only images for which these hold: COLUMN=VALUE, COLUMN!=VALUE, or COLUMN>=NUMBER (also <=, >, <); "
        "COLUMN= means that nothing is known. Of several with = of one column any will do, else all must hold.",
        examples=[["sex=female", "age>=40"]],
    )
    selection: PolygonSelection | None = Field(None, description="Only images inside a polygon.")


class EllipseItem(BaseModel):
    """The ellipse of one group; its geometry is null where it was refused, and a warning says why."""

    model_config = ConfigDict(from_attributes=True)

    group: str = Field(examples=["breastmnist"])
    n: int = Field(description="Points of the group.", examples=[546])
    center: MapPoint | None
    axes: MapPoint | None = Field(description="Semi-axes, largest first.", examples=[[2.1, 0.8]])
    angle: float | None = Field(
        description="Degrees from +x to the major axis, in (-90, 90]; null in space.", examples=[31.5]
    )
    directions: list[MapPoint] | None = Field(
        description="Unit vectors along the axes.", examples=[[[0.85, 0.52], [-0.52, 0.85]]]
    )
    outline: list[MapPoint] | None = Field(
        description="Closed polygon of the ellipse, 65 points; null in space."
    )
    mesh: list[MapPoint] | None = Field(
        description="Points on the surface of the ellipsoid, 162, the corners of the answer's triangles; null in the "
        "plane."
    )
    outlines: list[list[MapPoint]] | None = Field(
        description="Three closed lines of 65 points where planes through two of its axes cut the ellipsoid; null in "
        "the plane."
    )
    kind: str = Field(examples=["prediction"])
    level: float = Field(description="Nominal coverage.", examples=[0.95])
    observed_coverage: float | None = Field(
        description="Share of the group's points inside.", examples=[0.943]
    )
    warnings: Warnings


class GroupedAnswer(IndexAnswer):
    """An answer about groups of images on a map."""

    map: str = Field(examples=["pca"])
    dimensions: int = Field(description="Of the map: 2 or 3.", examples=[2])
    group_by: str = Field(examples=["dataset"])
    groups_left_out: int = Field(description="Groups of fewer images than min_n.", examples=[0])
    groups_beyond: int = Field(
        description="Other groups that are not told, as there are too many: of all the largest are.",
        examples=[0],
    )
    warnings: Warnings


class Ellipses(GroupedAnswer):
    """Ellipses of groups on a map; on one of three dimensions, ellipsoids."""

    triangles: list[tuple[int, int, int]] | None = Field(
        description="Places in mesh of the corners of each triangle, the same for all items; null in the plane.",
        examples=[[(0, 42, 44)]],
    )
    items: list[EllipseItem]


class OverlapPair(BaseModel):
    """Two groups. What cannot be said is null, and a warning says why."""

    model_config = ConfigDict(from_attributes=True)

    first: str = Field(examples=["breastmnist"])
    second: str = Field(examples=["retinamnist"])
    distance: float | None = Field(
        description="Bhattacharyya distance of the groups taken as normal, less its bias; null below 10 points.",
        examples=[1.31],
    )
    interval: tuple[float, float] | None = Field(
        description="95 % interval of the distance.", examples=[(1.12, 1.49)]
    )
    uncorrected: float | None = Field(description="The distance by its formula alone.", examples=[1.33])
    coefficient: float | None = Field(
        description="Bhattacharyya coefficient, exp(-distance): 1 for the same distribution, 0 for nothing in common.",
        examples=[0.27],
    )
    coefficient_interval: tuple[float, float] | None = Field(
        description="95 % interval of the coefficient.", examples=[(0.23, 0.33)]
    )
    first_in_second: float | None = Field(
        description="Share of the first group's points that lie in the second's ellipse.", examples=[0.12]
    )
    second_in_first: float | None = Field(
        description="Share of the second group's points that lie in the first's ellipse.", examples=[0.08]
    )
    warnings: Warnings


class OverlapGroup(BaseModel):
    """One of the groups compared."""

    group: str = Field(examples=["breastmnist"])
    n: int = Field(description="Points of the group.", examples=[546])
    observed_coverage: float | None = Field(
        description="Share of the group's points in its own ellipse.", examples=[0.943]
    )
    warnings: Warnings


class Overlap(GroupedAnswer):
    """How far each two of the groups overlap on the map."""

    kind: str = Field(description="Of the ellipses that the shares are of.", examples=["prediction"])
    level: float = Field(description="Nominal coverage of the ellipses.", examples=[0.95])
    groups: list[OverlapGroup] = Field(description="In the order of the pairs.")
    items: list[OverlapPair] = Field(
        description="The first with the second, third …; the second with the third …"
    )
