"""Files made to do harm, and sound ones that look odd; all crafted here, none stored."""

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from tests.backend.bad_arrays import wrong_npy

NPY = "application/x-npy"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HUGE = 2**31 - 1


class Bad(NamedTuple):
    """A body that must be refused."""

    name: str
    body: bytes
    kind: str
    path: str = "/v1/encode"


def bad_files() -> list[Bad]:
    """At least two hundred."""
    files = [Bad(name, body, "image/png") for name, body in _pictures()]
    grey = np.arange(5 * 28 * 28, dtype=np.uint8).reshape(5, 28, 28)
    files += [Bad(f"npy: {name}", body, NPY) for name, (body, *_) in wrong_npy(grey).items()]
    return [*files, *_envelopes()]


def odd_files() -> list[tuple[str, bytes, np.ndarray]]:
    """Sound files that few readers get right: name, bytes, and pixels as Pillow itself reads them."""
    ramp = np.add.outer(np.arange(40) * 3, np.arange(36) * 3).astype(np.uint8)
    colour = np.stack([ramp, ramp[::-1], np.roll(ramp, 7, 1)], -1)
    wide = (ramp.astype(np.uint16) * 251) + 13
    palette = Image.fromarray(colour).quantize(40)
    files = [
        ("16-bit PNG", saved(Image.fromarray(wide), "PNG"), np.rint(wide / 257).astype(np.uint8)),
        ("16-bit TIFF", saved(Image.fromarray(wide), "TIFF"), np.rint(wide / 257).astype(np.uint8)),
        ("palette PNG", saved(palette, "PNG"), np.array(palette.convert("RGB"))),
        ("1-bit PNG", saved(Image.fromarray(ramp).convert("1"), "PNG"), None),
        ("interlaced PNG", interlaced(ramp), ramp),
        ("progressive JPEG", saved(Image.fromarray(colour), "JPEG", progressive=True), None),
        ("CMYK JPEG", saved(Image.fromarray(colour).convert("CMYK"), "JPEG"), None),
        ("CMYK TIFF", saved(Image.fromarray(colour).convert("CMYK"), "TIFF"), None),
        ("PNG with a ZIP behind it", saved(Image.fromarray(ramp), "PNG") + b"PK\x05\x06" + bytes(18), ramp),
        ("animated PNG", _animated(ramp, "PNG"), ramp),
        ("TIFF of several pages", _animated(ramp, "TIFF"), ramp),
    ]
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        data = saved(Image.fromarray(colour), "JPEG", exif=exif.tobytes(), quality=95)
        files.append((f"JPEG of EXIF orientation {turn}", data, _upright(data, turn)))
    return [(name, data, _by_pillow(data) if pixels is None else pixels) for name, data, pixels in files]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Bytes of a file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("L" if image.mode == "1" else "RGB"))


def _upright(data: bytes, turn: int) -> np.ndarray:
    """EXIF 2.32: where row 0 and column 0 of the stored pixels are seen."""
    with Image.open(io.BytesIO(data)) as image:
        stored = np.array(image)
    seen = stored.swapaxes(0, 1) if turn > 4 else stored
    rows = -1 if turn in (3, 4, 7, 8) else 1
    columns = -1 if turn in (2, 3, 6, 7) else 1
    return seen[::rows, ::columns]


def _animated(first: np.ndarray, kind: str) -> bytes:
    others = [Image.fromarray(np.roll(first, n, 0)) for n in (5, 9)]
    return saved(Image.fromarray(first), kind, save_all=True, append_images=others)


def chunk(kind: bytes, data: bytes, *, crc: int | None = None, length: int | None = None) -> bytes:
    """A chunk of a PNG."""
    check = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", check)


def header(width: int, height: int, depth: int = 8, colour: int = 0, rest: bytes = b"\0\0\0") -> bytes:
    """IHDR."""
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + rest)


def png_of(*chunks: bytes) -> bytes:
    """A PNG of these chunks and an end."""
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def interlaced(grey: np.ndarray) -> bytes:
    """Adam7, which Pillow reads and does not write."""
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in grey[top::down, left::right]
        if row.size
    )
    head = header(grey.shape[1], grey.shape[0], rest=b"\0\0\1")
    return png_of(head, chunk(b"IDAT", zlib.compress(rows)))


def _pictures() -> Iterator[tuple[str, bytes]]:
    yield from _truncated()
    yield from _other_types()
    yield from _bad_pngs()
    yield from _bad_jpegs()
    yield from _bad_tiffs()


def _noise() -> tuple[Image.Image, Image.Image]:
    random = np.random.default_rng(0)
    grey, colour = random.integers(0, 256, (64, 64), np.uint8), random.integers(0, 256, (64, 64, 3), np.uint8)
    return Image.fromarray(grey), Image.fromarray(colour)


def _truncated() -> Iterator[tuple[str, bytes]]:
    grey, colour = _noise()
    whole = {
        "grey PNG": saved(grey, "PNG"),
        "colour PNG": saved(colour, "PNG"),
        "grey JPEG": saved(grey, "JPEG"),
        "colour JPEG": saved(colour, "JPEG"),
        "progressive JPEG": saved(colour, "JPEG", progressive=True),
        "raw TIFF": saved(grey, "TIFF"),
        "LZW TIFF": saved(colour, "TIFF", compression="tiff_lzw"),
        "deflated TIFF": saved(grey, "TIFF", compression="tiff_adobe_deflate"),
    }
    for name, data in whole.items():
        for share in (0.0, 0.002, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            yield f"{name}, {share:.1%} of it", data[: int(len(data) * share)]


def _other_types() -> Iterator[tuple[str, bytes]]:
    grey, colour = _noise()
    for kind in ("GIF", "BMP", "WEBP", "PPM", "TGA", "ICO", "PCX", "DDS", "SGI", "JPEG2000"):
        yield f"a whole {kind}", saved(colour, kind)
    yield "an animated GIF", _animated(np.asarray(grey), "GIF")
    inside = saved(grey, "PNG")
    starts = {
        "a ZIP": b"PK\x03\x04",
        "a gzip": b"\x1f\x8b\x08",
        "a PDF": b"%PDF-1.7\n",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "an ELF": b"\x7fELF\x02\x01",
        "a script": b"#!/bin/sh\nrm -rf /\n",
        "HTML": b"<!DOCTYPE html><script>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'>",
        "an XML bomb": b"<!DOCTYPE l [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;&a;'>]><l>&b;</l>",
        "DICOM": bytes(128) + b"DICM",
        "NIfTI": struct.pack("<i", 348) + bytes(340) + b"n+1\0",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "a pickle": b"\x80\x04cposix\nsystem\n",
        "MP4": b"\0\0\0\x18ftypmp42",
        "AVIF": b"\0\0\0\x1cftypavif",
        "JPEG XL": b"\xff\x0a",
        "zeros": bytes(64),
        "a byte order mark": b"\xef\xbb\xbf",
        "a text": b"no picture at all",
    }
    for name, start in starts.items():
        yield f"{name} with a PNG behind it", start + inside
    yield "a PNG's signature before a JPEG", SIGNATURE + saved(grey, "JPEG")
    yield "a JPEG's start before a PNG", b"\xff\xd8\xff" + inside
    yield "a TIFF's start before a ZIP", b"II*\0PK\x03\x04" + bytes(40)


def _bad_pngs() -> Iterator[tuple[str, bytes]]:
    rows = zlib.compress(b"".join(b"\0" + bytes(8) for _ in range(8)))
    data = chunk(b"IDAT", rows)
    for width, height in (
        (HUGE, HUGE), (2**32 - 1, 2**32 - 1), (65535, 65535), (50_000, 50_000), (1, HUGE), (HUGE, 1), (4097, 4096),
        (0, 0), (0, 8), (8, 0),
    ):  # fmt: skip
        yield f"PNG of {width}×{height}", png_of(header(width, height), data)
    for depth, colour in (
        (3, 0),
        (5, 0),
        (32, 0),
        (0, 0),
        (4, 2),
        (1, 6),
        (16, 3),
        (8, 1),
        (8, 5),
        (8, 7),
        (8, 255),
    ):
        yield f"PNG of depth {depth} and colour {colour}", png_of(header(8, 8, depth, colour), data)
    yield "PNG, another compression", png_of(header(8, 8, rest=b"\1\0\0"), chunk(b"IDAT", b"\x01" * 40))
    yield "PNG, another filter method", png_of(header(8, 8, rest=b"\0\1\0"), data)
    yield "PNG, a wrong check of its header", png_of(header(8, 8)[:-1] + b"x", data)
    flipped = bytearray(rows)
    flipped[-1] ^= 1
    yield "PNG, a flipped bit", png_of(header(8, 8), chunk(b"IDAT", bytes(flipped)))
    yield "PNG without pixels", png_of(header(8, 8))
    yield "PNG without a header", png_of(data)
    yield "PNG of a signature alone", SIGNATURE
    yield "PNG, pixels that are no zlib", png_of(header(8, 8), chunk(b"IDAT", b"no zlib at all"))
    yield "PNG, too few pixels", png_of(header(8, 8), chunk(b"IDAT", zlib.compress(bytes(20))))
    yield "PNG, no pixels in zlib", png_of(header(8, 8), chunk(b"IDAT", zlib.compress(b"")))
    for kind in (5, 77, 255):
        lines = zlib.compress((bytes([kind]) + bytes(8)) * 8)
        yield f"PNG, filter {kind}", png_of(header(8, 8), chunk(b"IDAT", lines))
    yield "PNG, a chunk without a name", png_of(header(8, 8), chunk(b"\0\1\2\3", b"x"), data)
    bomb = zlib.compress(bytes(100 * 1024**2), 9)
    yield "PNG, 100 MiB of text in a chunk", png_of(header(8, 8), chunk(b"zTXt", b"a\0\0" + bomb), data)
    yield (
        "PNG, 100 MiB of international text",
        png_of(header(8, 8), chunk(b"iTXt", b"a\0\1\0\0\0" + bomb), data),
    )
    many = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000), 9)) * 90
    yield "PNG, 90 chunks of 1 MB of text", png_of(header(8, 8), many, data)


def many_scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan, of few bytes but a pass over all pixels, comes so often again."""
    good = saved(Image.new("L", (side, side)), "JPEG", progressive=True, quality=50)
    last = good.rindex(b"\xff\xda")
    return good[:last] + good[last:-2] * count + good[-2:]


def _bad_jpegs() -> Iterator[tuple[str, bytes]]:
    _grey, colour = _noise()
    good = saved(colour, "JPEG")
    frame = good.index(b"\xff\xc0")

    def patched(place: int, content: bytes) -> bytes:
        return good[: frame + place] + content + good[frame + place + len(content) :]

    yield "JPEG of 65535×65535", patched(5, b"\xff\xff\xff\xff")
    yield "JPEG of 60000×60000", patched(5, struct.pack(">HH", 60_000, 60_000))
    yield "JPEG of no rows", patched(5, struct.pack(">HH", 0, 64))
    yield "JPEG of no columns", patched(5, struct.pack(">HH", 64, 0))
    for precision in (0, 2, 16, 255):
        yield f"JPEG of {precision} bits", patched(4, bytes([precision]))
    for count in (0, 2, 5, 255):
        yield f"JPEG of {count} components", patched(9, bytes([count]))
    yield "JPEG, sampling of nothing", patched(11, b"\0")
    yield "JPEG, a table that is not there", patched(12, b"\7")
    for kind in (0xC3, 0xC5, 0xC7, 0xCB, 0xCF):
        yield f"JPEG, frame of the kind {kind:X}", patched(1, bytes([kind]))
    yield "JPEG without a frame", good[:frame] + good[good.index(b"\xff\xc4") :]
    scan = good.index(b"\xff\xda")
    yield "JPEG without tables", good[:2] + good[frame : frame + 19] + good[scan:]
    yield "JPEG of a start alone", b"\xff\xd8\xff"
    yield "JPEG of starts", b"\xff\xd8" * 4000
    yield "JPEG of filling", b"\xff\xd8" + b"\xff" * 100_000
    yield "JPEG of 3,000 scans of 16 million pixels", many_scans(4000, 3000)
    yield "JPEG, its scan without an end", good[: scan + 14]


def tiff(*tags: tuple[int, int, int, int], pixels: bytes = bytes(64), offset: int = 8) -> bytes:
    """A little-endian TIFF with one directory: (tag, type, count, value), sorted."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", offset, len(tags)) + entries + struct.pack("<I", 0) + pixels


def _bad_tiffs() -> Iterator[tuple[str, bytes]]:
    usual = {
        256: (3, 1, 8), 257: (3, 1, 8), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1),
        273: (4, 1, 10 + 10 * 12 + 4), 277: (3, 1, 1), 278: (3, 1, 8), 279: (4, 1, 64), 284: (3, 1, 1),
    }  # fmt: skip

    def changed(**given: tuple[int, int, int]) -> bytes:
        tags = {**usual, **{int(name[1:]): value for name, value in given.items()}}
        return tiff(*((tag, *value) for tag, value in tags.items()))

    most = 2**32 - 1
    for width, height in ((most, most), (65535, 65535), (1, most), (0, 0), (0, 8), (8, 0)):
        yield f"TIFF of {width}×{height}", changed(t256=(4, 1, width), t257=(4, 1, height))
    for bits in (0, 3, 7, 24, 33, 65535):
        yield f"TIFF of {bits} bits", changed(t258=(3, 1, bits))
    for kind in (0, 9, 34661, 65535):
        yield f"TIFF, compression {kind}", changed(t259=(3, 1, kind))
    for kind in (2, 7, 40, 65535):
        yield f"TIFF, colours of the kind {kind}", changed(t262=(3, 1, kind))
    for count in (0, 2, 7, 255):
        yield f"TIFF of {count} samples", changed(t277=(3, 1, count), t258=(3, 1, 3))
    yield "TIFF, pixels behind its end", changed(t273=(4, 1, most))
    yield "TIFF, pixels where there are too few", changed(t273=(4, 1, 190))
    yield "TIFF of floats that claim a byte", changed(t339=(3, 1, 3))
    yield "TIFF of 32-bit floats", changed(t339=(3, 1, 3), t258=(3, 1, 32))
    yield "TIFF, LZW that is none", changed(t259=(3, 1, 5))
    yield "TIFF, zlib that is none", changed(t259=(3, 1, 8))
    yield "TIFF, JPEG that is none", changed(t259=(3, 1, 7))
    yield "TIFF, fax that is none", changed(t259=(3, 1, 4), t258=(3, 1, 1), t279=(4, 1, 2**20))
    yield "TIFF, a directory behind its end", b"II*\0" + struct.pack("<I", most)
    yield "TIFF, a directory in its header", b"II*\0" + struct.pack("<I", 0) + bytes(40)
    yield "TIFF, 65535 entries", b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(100)
    yield "TIFF without entries", b"II*\0" + struct.pack("<IHI", 8, 0, 0)
    yield "TIFF, entries of 4 G values", tiff((256, 4, most, most), (257, 4, most, most))
    yield "BigTIFF of 2⁴⁰ entries", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**40) + bytes(100)
    yield "a TIFF's start alone", b"MM\0*"


def _envelopes() -> Iterator[Bad]:
    """Bodies that are broken themselves, whatever they hold."""
    grey, _colour = _noise()
    inside = base64.b64encode(saved(grey, "PNG")).decode()
    json = "application/json"
    for name, text in {
        "no base64": '{"images": ["?"]}',
        "base64 cut short": f'{{"images": ["{inside[:-3]}"]}}',
        "base64 of nothing": '{"images": [""]}',
        "lines in the base64": f'{{"images": ["{inside[:40]}\\n{inside[40:]}"]}}',
        "a number for an image": '{"images": [1e999]}',
        "65 images": f'{{"images": [{", ".join([chr(34) + chr(34)] * 65)}]}}',
        "a million values": f'{{"images": [{"1," * 10**6}1]}}',
        "nesting": "[" * 10**6,
        "a key twice, once wrong": f'{{"images": ["{inside}"], "images": 3}}',
        "cut short": f'{{"images": ["{inside}',
        "a null": '{"images": [null]}',
    }.items():
        yield Bad(f"JSON: {name}", text.encode(), json)
    for name, url in {
        "of a file": "file:///etc/passwd",
        "of a page": "http://127.0.0.1/scan.png",
        "of text": "data:text/plain;base64,AAAA",
        "of SVG": "data:image/svg+xml;base64,AAAA",
        "without base64": "data:image/png,AAAA",
        "of broken base64": "data:image/png;base64,A",
        "of nothing": "data:image/png;base64,",
    }.items():
        question = f'{{"input": "{url}", "model": "MODEL"}}'
        yield Bad(f"a URL {name}", question.encode(), json, "/v1/embeddings")
    part = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + saved(grey, "PNG")
    for name, body in {
        "nothing": b"",
        "no end": b"--b\r\n" + part,
        "an end alone": b"--b--\r\n",
        "another boundary": b"--c\r\n" + part + b"\r\n--c--\r\n",
        "a field without a file": b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
        "a part without headers": b"--b\r\n\r\n\r\n--b--\r\n",
        "a header without an end": b"--b\r\nContent-Disposition: " + b"a" * 10**6,
        "65 parts": (b"--b\r\n" + part + b"\r\n") * 65 + b"--b--\r\n",
    }.items():
        yield Bad(f"multipart: {name}", body, "multipart/form-data; boundary=b")
