import io
import struct
import threading
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.data.reading import ImageTooLarge, UnreadableImage, UnsupportedImage, decode_image
from model.errors import VQScopeError
from tests.backend.bad_files import many_scans

GREY = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9) * 4
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decode(data: bytes, max_pixels: int = 10_000, max_bytes: int = 1_000_000) -> np.ndarray:
    return decode_image(data, max_pixels=max_pixels, max_bytes=max_bytes)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_lossless_pixels_come_back(kind: str, pixels: np.ndarray) -> None:
    decoded = decode(save(Image.fromarray(pixels), kind))
    np.testing.assert_array_equal(decoded, pixels)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize(
    "options", [{"compression": c} for c in ("tiff_lzw", "tiff_adobe_deflate", "packbits")]
)
def test_compressed_tiff(options: dict[str, str]) -> None:
    np.testing.assert_array_equal(decode(save(Image.fromarray(COLOUR), "TIFF", **options)), COLOUR)


def test_jpeg_keeps_grey_and_colour() -> None:
    assert decode(save(Image.fromarray(GREY), "JPEG")).shape == (6, 9)
    smooth = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    assert np.abs(decode(save(Image.fromarray(smooth), "JPEG")).astype(int) - smooth).max() < 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_use_their_full_range(kind: str) -> None:
    wide = np.array([[0, 257, 32768, 65535, 127]], dtype=np.uint16)
    assert decode(save(Image.fromarray(wide), kind)).tolist() == [[0, 1, 128, 255, 0]]


def test_16_bits_in_which_white_is_zero_are_turned() -> None:
    wide = np.array([[0, 65535]], dtype=np.uint16)
    data = bytearray(save(Image.fromarray(wide), "TIFF"))
    entry = struct.pack("<HHI", 262, 3, 1)  # PhotometricInterpretation, SHORT, one value
    at = data.index(entry) + len(entry)
    assert data[at] == 1
    data[at] = 0
    assert decode(bytes(data)).tolist() == [[255, 0]]


def test_32_bit_grey_and_floats_are_not_guessed_at() -> None:
    for pixels in (np.array([[70_000]], np.int32), np.array([[-5]], np.int32), np.array([[0.5]], np.float32)):
        with pytest.raises(UnsupportedImage):
            decode(save(Image.fromarray(pixels), "TIFF"))


def test_transparency_lies_over_black() -> None:
    rgba = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], dtype=np.uint8)
    assert decode(save(Image.fromarray(rgba), "PNG")).tolist() == [[[200, 100, 50], [0, 0, 0], [100, 50, 25]]]
    la = Image.merge("LA", (Image.new("L", (2, 1), 200), Image.new("L", (2, 1), 0)))
    assert decode(save(la, "PNG")).tolist() == [[0, 0]]


def test_the_transparent_grey_of_a_16_bit_png_is_black() -> None:
    pixels = np.array([[25700, 51400]], np.uint16)
    np.testing.assert_array_equal(
        decode(save(Image.fromarray(pixels), "PNG", transparency=25700)), [[0, 200]]
    )


def test_what_is_no_image_behind_its_magic_is_told_in_words() -> None:
    sound = save(Image.fromarray(GREY), "PNG")
    head = b"IHDR" + bytes(8) + sound[24:29]  # no rows, no columns
    empty = sound[:12] + head + zlib.crc32(head).to_bytes(4) + sound[33:]
    with pytest.raises(UnreadableImage) as caught:
        decode(empty)
    assert " object at " not in str(caught.value)


def test_palettes() -> None:
    grey = Image.fromarray(GREY).convert("P")
    grey.putpalette([level for level in range(256) for _ in range(3)])
    np.testing.assert_array_equal(decode(save(grey, "PNG")), GREY)
    colour = Image.new("P", (2, 1))
    colour.putpalette([255, 0, 0, 0, 0, 255])
    colour.putpixel((1, 0), 1)
    assert decode(save(colour, "PNG")).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert decode(save(colour, "PNG", transparency=0)).tolist() == [[[0, 0, 0], [0, 0, 255]]]


def test_one_bit_and_cmyk() -> None:
    assert decode(save(Image.fromarray(GREY > 100), "PNG")).tolist() == ((GREY > 100) * 255).tolist()
    cmyk = Image.new("CMYK", (4, 4), (0, 0, 0, 0))
    for kind in ("TIFF", "JPEG"):
        white = decode(save(cmyk, kind))
        assert white.shape == (4, 4, 3)
        assert white.min() > 250


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8] = 255  # white in the upper left, so that every turn and mirror shows
    upright[8:, :8] = 128
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif}
    if kind == "JPEG":
        options["quality"] = 100
    decoded = decode(save(Image.fromarray(np.ascontiguousarray(stored)), kind, **options))
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).max() < 4


def test_the_first_frame_of_several() -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for kind in ("TIFF", "PNG"):
        data = save(frames[0], kind, save_all=True, append_images=frames[1:])
        np.testing.assert_array_equal(decode(data), GREY)


@pytest.mark.parametrize("data", [b"", b"GIF89a....", b"BM0000", b"%PDF-1.7", b"<svg/>", b"RIFF0000WEBP"])
def test_other_kinds_are_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="PNG, JPEG or TIFF"):
        decode(data)


def test_a_real_image_of_another_kind_is_refused_whatever_its_name() -> None:
    with pytest.raises(UnsupportedImage):
        decode(save(Image.fromarray(GREY), "GIF"))


def test_bytes_are_counted_first() -> None:
    data = save(Image.fromarray(GREY), "PNG")
    with pytest.raises(ImageTooLarge, match="bytes"):
        decode(data, max_bytes=len(data) - 1)
    decode(data, max_bytes=len(data))


def _huge_png(side: int) -> bytes:
    """A sound header of a side × side image, and no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    "side", [200, 12_000, 60_000]
)  # plain, in Pillow's warning range, in its error range
def test_pixels_are_counted_before_decoding_and_nothing_warns(side: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageTooLarge, match="pixels"):
            decode(_huge_png(side))


def test_the_scans_of_a_jpeg_are_counted_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode_image(many_scans(64, 50), max_pixels=10**6, max_bytes=10**6).shape == (64, 64)
    bomb = many_scans(64, 101)
    monkeypatch.delattr(Image, "open")
    with pytest.raises(UnreadableImage, match="more than 100 scans"):
        decode_image(bomb, max_pixels=10**6, max_bytes=10**6)


def test_what_looks_like_scans_in_metadata_is_none() -> None:
    good = many_scans(64, 1)
    inside = b"\xff\xda\x00\x02" * 1000
    data = good[:2] + b"\xff\xe5" + struct.pack(">H", 2 + len(inside)) + inside + good[2:]
    assert decode_image(data, max_pixels=10**6, max_bytes=10**6).shape == (64, 64)


def test_a_cut_file_is_unreadable() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "TIFF"):
        data = save(Image.fromarray(noise), kind)
        with pytest.raises(UnreadableImage, match=f"{kind} image is damaged") as refusal:
            decode(data[: len(data) // 2])
        assert "\n" not in str(refusal.value)


@settings(max_examples=300)
@given(
    st.sampled_from(["PNG", "JPEG", "TIFF"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 400),
)
def test_damaged_bytes_give_an_image_or_one_clear_line(
    kind: str, damage: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(save(Image.fromarray(COLOUR), kind))
    for at, value in damage:
        data[at % len(data)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome: np.ndarray | str
        try:
            outcome = decode(bytes(data[: len(data) - cut] if cut < len(data) else data))
        except VQScopeError as refusal:
            outcome = str(refusal)
    if isinstance(outcome, str):
        assert outcome
        assert "\n" not in outcome
    else:
        assert outcome.dtype == np.uint8
        assert outcome.ndim == 2 or outcome.shape[2] == 3
        assert outcome.shape[0] * outcome.shape[1] <= 10_000


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b""]),
    st.binary(max_size=300),
)
def test_any_bytes_behind_a_magic_are_handled(magic: bytes, rest: bytes) -> None:
    with pytest.raises(VQScopeError):
        decode(magic + rest)


def test_many_threads_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    data = save(Image.fromarray(COLOUR), "PNG")
    done: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: done.extend(decode(data) for _ in range(20))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 80
    assert list(warnings.filters) == before
