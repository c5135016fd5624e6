"""Which pictures of installed packages the offline sample is cut from, and how.

Licences are those that the packages state: scikit-image in the docstrings of ``skimage.data``, pydicom in the
README of its test files.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of an installed package, and how patches are cut from it."""

    package: str  # skimage or pydicom
    file: str
    label: str
    reduce: int = 1  # each patch pixel is the mean of reduce × reduce source pixels
    block: int  # side of a block, in patch pixels
    stride: int  # between patches within a block, in patch pixels
    window: tuple[float, float] | None = (
        None  # stored values shown as black and white; None: 8 bits as they are
    )
    crop: tuple[int, int, int, int] | None = None  # left, upper, right, lower; leaves out burned-in text
    frames: tuple[int, ...] = (0,)
    least_contrast: float = (
        10.0  # standard deviation of grey levels (0-255) below which a patch is background
    )
    most_black: float = 0.6  # fraction of pixels darker than grey level 12 above which it is background


@dataclass(frozen=True, kw_only=True)
class SampleSet:
    """One data set of the sample."""

    name: str
    title: str
    modality: str
    licence: str
    grey: bool
    pictures: tuple[Picture, ...]


_PYDICOM_LICENCE = (
    "pydicom test files (MIT package; its README knows of no restriction on the use of these files)"
)

SAMPLE_SETS = (
    SampleSet(
        name="sample_fundus",
        title="Patches of one fundus photograph (scikit-image's retina), not MedMNIST",
        modality="fundus camera",
        licence="CC0 1.0",
        grey=False,
        pictures=(
            Picture(
                package="skimage",
                file="retina.jpg",
                label="normal left eye",
                reduce=4,
                block=58,
                stride=5,
                least_contrast=5,
            ),
        ),
    ),
    SampleSet(
        name="sample_ihc",
        title="Patches of one picture of stained colonic glands (scikit-image's ihc), not MedMNIST",
        modality="immunohistochemistry",
        licence="no known copyright restrictions (CMMI, by way of scikit-image)",
        grey=False,
        pictures=(
            Picture(
                package="skimage", file="ihc.png", label="colonic glands, FHL2", reduce=2, block=51, stride=4
            ),
        ),
    ),
    SampleSet(
        name="sample_cell",
        title="Patches of one quantitative phase picture of a cell (scikit-image's cell), not MedMNIST",
        modality="quantitative phase microscopy",
        licence="CC0 1.0",
        grey=True,
        pictures=(
            Picture(
                package="skimage",
                file="cell.png",
                label="cell in saline",
                reduce=2,
                block=33,
                stride=1,
                crop=(285, 235, 549, 499),
                least_contrast=14,
            ),
        ),
    ),
    SampleSet(
        name="sample_ct",
        title="Patches of two CT slices (pydicom's test files), not MedMNIST",
        modality="CT",
        licence=_PYDICOM_LICENCE,
        grey=True,
        pictures=(
            Picture(
                package="pydicom", file="CT_small.dcm", label="trunk", block=42, stride=3, window=(774, 1624)
            ),
            Picture(
                package="pydicom",
                file="J2K_pixelrep_mismatch.dcm",
                label="head",
                reduce=2,
                block=51,
                stride=5,
                window=(-250, 1000),
            ),
        ),
    ),
    SampleSet(
        name="sample_mr",
        title="Patches of two MR slices (pydicom's test files), not MedMNIST",
        modality="MR",
        licence=_PYDICOM_LICENCE,
        grey=True,
        pictures=(
            Picture(
                package="pydicom",
                file="examples_overlay.dcm",
                label="abdomen",
                block=60,
                stride=6,
                window=(0, 900),
            ),
            Picture(
                package="pydicom",
                file="MR_small.dcm",
                label="MR_small",
                block=32,
                stride=1,
                window=(127, 1800),
            ),
        ),
    ),
    SampleSet(
        name="sample_ultrasound",
        title="Patches of two ultrasound recordings (pydicom's test files), not MedMNIST",
        modality="ultrasound",
        licence=_PYDICOM_LICENCE,
        grey=False,
        pictures=(
            Picture(
                package="pydicom",
                file="examples_rgb_color.dcm",
                label="lymph node, power Doppler",
                block=38,
                stride=3,
                crop=(28, 58, 294, 172),
                least_contrast=15,
            ),
            Picture(
                package="pydicom",
                file="examples_ybr_color.dcm",
                label="heart",
                block=46,
                stride=6,
                crop=(60, 20, 260, 210),
                frames=(0, 10, 20),
                least_contrast=15,
            ),
        ),
    ),
)
