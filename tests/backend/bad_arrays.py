"""npy bodies that must be refused."""

import io

import numpy as np


def npy(array: np.ndarray) -> bytes:
    """As NumPy writes it, objects too."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def wrong_npy(images: np.ndarray) -> dict[str, tuple[bytes, int, str]]:
    """Bodies by name, each with the status and kind of the problem it must be answered with."""
    whole = npy(images)
    head = len(whole) - images.nbytes
    header = whole[10:head]

    def headed(text: bytes, length: int | None = None) -> bytes:
        return b"\x93NUMPY\x01\x00" + (len(text) if length is None else length).to_bytes(2, "little") + text

    def shaped(shape: str, order: str = "False", descr: str = "|u1") -> bytes:
        return headed(f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode())

    body = images.tobytes()
    return {
        "cut in the magic": (whole[:4], 415, "unsupported-image"),
        "cut in the version": (whole[:7], 422, "unreadable-image"),
        "cut in the length": (whole[:9], 422, "unreadable-image"),
        "cut in the header": (whole[: head - 3], 422, "unreadable-image"),
        "cut in the content": (whole[:-1], 422, "unreadable-image"),
        "one byte more": (whole + b"x", 422, "unreadable-image"),
        "version 9": (whole[:6] + b"\x09" + whole[7:], 422, "unreadable-image"),
        "a header of 65535 bytes": (headed(header, 65535) + body, 422, "unreadable-image"),
        "4 GiB of header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + header, 422, "unreadable-image"),
        "objects": (npy(np.array([[[{}]]], object)), 415, "unsupported-image"),
        "floats": (npy(images.astype(np.float32)), 415, "unsupported-image"),
        "records": (npy(np.zeros((1, 2, 2), [("a", "u1")])), 422, "unreadable-image"),
        "int8": (npy(images.view(np.int8)), 415, "unsupported-image"),
        "32 GiB": (shaped("(32, 32768, 32768)") + body, 422, "image-too-large"),
        "32 GiB of small ones": (shaped("(64, 4096, 4096, 3)") + body, 422, "unreadable-image"),
        "more bytes than there are numbers": (
            shaped("(1, 9999999999999999999, 9999999999999999999)"),
            422,
            "image-too-large",
        ),
        "too many": (shaped("(65, 1, 1)") + bytes(65), 413, "too-many-images"),
        "no image": (shaped("(0, 28, 28)"), 422, "invalid-request"),
        "no pixel": (shaped("(1, 0, 28)"), 422, "invalid-request"),
        "negative": (shaped("(-1, 28, 28)"), 422, "unreadable-image"),
        "one axis": (shaped("(5,)") + bytes(5), 422, "invalid-request"),
        "no axis": (shaped("()") + bytes(1), 422, "invalid-request"),
        "two channels": (shaped("(1, 2, 2, 2)") + bytes(8), 422, "invalid-request"),
        "five axes": (shaped("(1, 1, 2, 2, 3)") + bytes(12), 422, "invalid-request"),
        "a call": (shaped("__import__('os').getcwd()") + body, 422, "unreadable-image"),
        "nesting": (headed(b"(" * 900) + body, 422, "unreadable-image"),
        "a field twice": (
            headed(b"{'shape': (1,), 'shape': (1,), 'descr': '|u1'}") + body,
            422,
            "unreadable-image",
        ),
        "a field more": (headed(header.replace(b"}", b"'x': 1}", 1)) + body, 422, "unreadable-image"),
        "no header": (headed(b"") + body, 422, "unreadable-image"),
        "a pickle": (b"\x80\x04cos\nsystem\n", 415, "unsupported-image"),
        "nothing": (b"", 415, "unsupported-image"),
    }
