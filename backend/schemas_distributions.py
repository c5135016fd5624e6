"""The shape of the distributions of figures."""

from pydantic import BaseModel, ConfigDict, Field

from backend.schemas import IndexAnswer
from backend.schemas_selections import FigureSummary


class Distribution(BaseModel):
    """How a figure is distributed: counts in bins of equal width."""

    model_config = ConfigDict(from_attributes=True)

    low: float = Field(description="Lower end of the first bin.", examples=[18.2])
    high: float = Field(description="Upper end of the last bin.", examples=[41.7])
    counts: list[int] = Field(
        description="Images in each bin; a value between two bins counts in the upper one.",
        examples=[[3, 17, 40, 12]],
    )
    summary: FigureSummary


class Distributions(IndexAnswer):
    """The figures of the reconstructions of some images."""

    n: int = Field(description="Images.", examples=[72])
    figures: dict[str, Distribution] = Field(
        description="By name: `psnr` in dB, `ssim`, `mae`, `quantisation_error`; none where there is no image.",
        examples=[
            {
                "psnr": {
                    "low": 18.2,
                    "high": 41.7,
                    "counts": [3, 17, 40, 12],
                    "summary": {"mean": 31.2, "quartiles": [29.8, 31.1, 32.6]},
                }
            }
        ],
    )
