"""Questions about the codebook; every one raises what ApiClient's own methods raise."""

from dashboard.answers_codebook import Codebook, CodeDetails, Patches
from dashboard.client import ApiClient, Picture

MOST_CODES = 4096
"""Codes that one answer may hold."""
PATCHES = 12
ATLAS_COLUMNS = 16
ATLAS_PAGE = 256
"""Codes of one picture of the atlas, in rows of ATLAS_COLUMNS."""


async def codebook(client: ApiClient) -> Codebook:
    """The lines of the codes, at most MOST_CODES, in the order by similarity."""
    return await client.ask("/v1/codebook", Codebook.of, {"sort": "rank", "limit": str(MOST_CODES)})


async def code_details(client: ApiClient, code: int) -> CodeDetails:
    """One code in full."""
    return await client.ask(f"/v1/codebook/{code}", CodeDetails.of)


async def code_patches(client: ApiClient, code: int) -> Patches:
    """Where the nearest patches of a code come from."""
    return await client.ask(f"/v1/codebook/{code}/patches", Patches.of, {"k": str(PATCHES)})


async def patch_sheet(client: ApiClient, code: int, *, version: str | None, etag: str | None) -> Picture:
    """The same patches as one PNG, six in a row."""
    return await client.png(
        f"/v1/codebook/{code}/patches/sheet", {"k": str(PATCHES)}, version=version, etag=etag
    )


async def prototypes(client: ApiClient, page: int, *, version: str | None, etag: str | None) -> Picture:
    """What the decoder draws for ATLAS_PAGE codes, as one PNG."""
    return await client.png(f"/v1/codebook/atlas/{page}", version=version, etag=etag)


async def examples(client: ApiClient, page: int, *, version: str | None, etag: str | None) -> Picture:
    """A piece of an image for each of ATLAS_PAGE codes, as one PNG."""
    return await client.png(f"/v1/codebook/atlas/{page}", {"show": "patch"}, version=version, etag=etag)
