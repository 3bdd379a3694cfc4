"""Pictures inside of other files without notes about their makers; what cannot be cleaned is not taken as clean.

Sources: ISO/IEC 15444-1 annexes A and I (JPEG 2000), MS-EMF 2.3.4.2 (header of a metafile).
"""

import io
import struct

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from backend.attachments.errors import FileRefused
from backend.attachments.images import MAX_PIXELS, in_srgb, without_metadata

_ENCODED_ANEW = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"RIFF": "WEBP", b"GIF8": "GIF", b"BM": "BMP"}
_FONTS = (".odttf", ".fntdata", ".ttf", ".otf")
_WMF = (b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00\x00\x03", b"\x02\x00\x09\x00\x00\x03")
_EMF_HEADER, _EMF_MARK, _EMF_DESCRIPTION = b"\x01\0\0\0", slice(40, 44), slice(60, 68)
_JP2 = b"\0\0\0\x0cjP  "
_JP2_NOTES = {b"xml ", b"uuid", b"uinf", b"jp2i"}
_CODESTREAM, _COMMENT, _FIRST_TILE = b"\xff\x4f", b"\xff\x64", b"\xff\x90"


def quiet(name: str, data: bytes) -> bytes:
    """A part of an Office file that is no XML; raises FileRefused where nobody knows what it says of its makers."""
    if not data or name.lower().endswith(_FONTS) or data.startswith(_WMF):
        return data
    if data.startswith((b"\xff\xd8", b"\x89PNG\r\n\x1a\n")):
        return without_metadata(data)
    if data.startswith(_EMF_HEADER) and data[_EMF_MARK] == b" EMF":
        return _without_description(data)
    for beginning, kind in _ENCODED_ANEW.items():
        if data.startswith(beginning):
            return _encoded_again(data, kind)
    raise _unknown()


def _unknown() -> FileRefused:
    return FileRefused(
        "文件中含有音频、视频或特殊格式的图片，其中的制作者信息无法去除。请删去，或将图片另存为 PNG 后再放入。",
        "The file holds sound, video or images of a kind whose notes about their makers cannot be removed. "
        "Please take them out, or insert the images as PNG.",
    )


def _encoded_again(data: bytes, kind: str) -> bytes:
    target = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            if image.width * image.height * getattr(image, "n_frames", 1) > MAX_PIXELS:
                raise _unknown()
            times = []
            frames = []
            for frame in ImageSequence.Iterator(image):
                times.append(frame.info.get("duration", 0))
                upright = in_srgb(ImageOps.exif_transpose(frame)).copy()
                upright.info.clear()
                frames.append(upright)
        if len(frames) == 1 or kind == "BMP":
            frames[0].save(target, kind)
        elif kind == "TIFF":
            frames[0].save(target, kind, save_all=True, append_images=frames[1:])
        else:
            frames[0].save(target, kind, save_all=True, append_images=frames[1:], duration=times, loop=0)
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        struct.error,
        EOFError,
    ) as error:
        raise _unknown() from error
    return target.getvalue()


def _without_description(data: bytes) -> bytes:
    """A metafile names the program and the picture in its header; the characters go, and so does the way to them."""
    length, place = struct.unpack("<II", data[_EMF_DESCRIPTION])
    cleaned = bytearray(data)
    cleaned[_EMF_DESCRIPTION] = bytes(8)
    header = int.from_bytes(data[4:8], "little")
    # Only within the header: a number that lies must not blank the picture.
    end = min(place + 2 * length, header, len(data))
    if length and 88 <= place < end:
        cleaned[place:end] = bytes(end - place)
    return bytes(cleaned)


def jpeg_2000_without_metadata(data: bytes) -> bytes:
    """The image of a PDF without boxes and comments about it; the picture itself is untouched."""
    if data.startswith(_CODESTREAM):
        return _codestream_without_comments(data)
    if not data.startswith(_JP2):
        return data
    kept, place = [], 0
    while place + 8 <= len(data):
        length, name, head = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        end = place + length if length >= head else len(data)
        if name == b"jp2c":
            stream = _codestream_without_comments(data[place + head : end])
            kept.append(struct.pack(">I", len(stream) + 8) + name + stream)
        elif name not in _JP2_NOTES:
            kept.append(data[place:end])
        place = end
    return b"".join(kept)


def _codestream_without_comments(data: bytes) -> bytes:
    kept, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place : place + 2] != _FIRST_TILE:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place : place + 2] != _COMMENT:
            kept.append(data[place:end])
        place = end
    return b"".join([*kept, data[place:]])
