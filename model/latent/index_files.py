"""Whether the files of an open latent index are still there."""

import hashlib
from typing import TYPE_CHECKING

from model.latent.storage import damaged, open_npy, parse_json, read_bytes

if TYPE_CHECKING:
    from model.latent.index import LatentIndex


def check_files(index: "LatentIndex") -> None:
    """Make sure that the folder of an open index still holds one, without reading what is large.

    Reads ``index.json``; where that is the one that was opened, also the heads and sizes of the arrays. Another
    index in its place is no fault: what is mapped is still the files of the first, which live on without a name.

    Raises:
        IndexDamaged: a file is missing, cut short or cannot be read.
    """
    described = index.path / "index.json"
    data = read_bytes(described)
    if hashlib.sha256(data).hexdigest()[:12] != index.version:
        parse_json(data, described)
        return
    for name, array in (("embeddings.npy", index.embeddings), ("codes.npy", index.codes)):
        open_npy(index.path / name, array.shape, array.dtype)
    for path in (index.path / "images.parquet", *(index.path / "maps" / name for name in index.map_names)):
        if not path.exists():
            raise damaged(path, "is missing")
