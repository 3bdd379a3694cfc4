"""Images are decoded and encoded anew: what is no picture in them (EXIF, comments, other data) is gone."""

import io
import struct
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from backend.attachments.errors import FileRefused, not_what_it_says
from backend.attachments.kinds import FileKind

MAX_PIXELS = 50_000_000
_FORMATS = {FileKind.PNG: "PNG", FileKind.JPEG: "JPEG", FileKind.WEBP: "WEBP"}
_OPTIONS = {"JPEG": {"quality": 92}, "WEBP": {"quality": 92}, "PNG": {}}
_KEPT_JPEG = {0xE0, 0xE2, 0xEE}
"""JFIF, the colour profile, and Adobe's note on the colours: without these an image looks different."""
_DROPPED_PNG = {b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"}


def encode_again(file: BinaryIO, kind: FileKind, target: BinaryIO) -> None:
    """Write the same picture, upright, in sRGB, without anything else; raises FileRefused."""
    file.seek(0)
    try:
        # Only the decoder of the kind that the name tells.
        with Image.open(file, formats=[_FORMATS[kind]]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels()
            if kind is not FileKind.JPEG and getattr(image, "is_animated", False):
                raise FileRefused(
                    "暂不支持动态图片，请改为静态图片或 PDF 后上传。",
                    "Moving images are not accepted. Please upload a still image or a PDF.",
                )
            upright = in_srgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error, EOFError) as error:
        raise not_what_it_says(kind) from error
    upright.info.clear()
    upright.save(target, format=_FORMATS[kind], **_OPTIONS[_FORMATS[kind]])


def _too_many_pixels() -> FileRefused:
    return FileRefused(
        "图片尺寸过大（超过 5000 万像素），请缩小后上传。",
        "The image is larger than 50 million pixels. Please make it smaller.",
    )


def in_srgb(image: Image.Image) -> Image.Image:
    """In sRGB or grey, since the profile, which may name its maker, is not kept."""
    profile = image.info.get("icc_profile")
    image.load()
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
    if image.mode in ("1", "L", "RGB", "LA", "RGBA") or image.mode.startswith("I"):
        # A colour that stands for transparency would be lost with the other notes.
        return image.convert("RGBA") if "transparency" in image.info else image
    return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")


def without_metadata(data: bytes) -> bytes:
    """A JPEG or PNG inside of another file without its metadata, the picture itself untouched; anything else as it is.

    Sources: ITU-T T.81 annex B (segments of a JPEG), W3C PNG section 5 (chunks).
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg_without_metadata(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_without_metadata(data)
    return data


def _jpeg_without_metadata(data: bytes) -> bytes:
    kept, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xDA:
            break
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if not (0xE0 <= marker <= 0xEF and marker not in _KEPT_JPEG) and marker != 0xFE:
            kept.append(data[place:end])
        place = end
    last = data.rfind(b"\xff\xd9")
    kept.append(data[place : last + 2] if last > place else data[place:])
    return b"".join(kept)


def _png_without_metadata(data: bytes) -> bytes:
    kept, place = [data[:8]], 8
    while place + 12 <= len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if name not in _DROPPED_PNG:
            kept.append(data[place : place + length + 12])
        place += length + 12
        if name == b"IEND":
            break
    return b"".join(kept)
