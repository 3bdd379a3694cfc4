"""What is looked at in a file, and what is written of it, by its kind."""

from typing import BinaryIO

from backend.attachments.kinds import IMAGES, OFFICE, FileKind


def inspect(file: BinaryIO, kind: FileKind, target: BinaryIO, *, strip: bool) -> bool:
    """Check an image, Office file or PDF by its content; returns whether what is kept was written to the target.

    Images are always encoded anew; with `strip` the metadata of Office and PDF files goes. Raises FileRefused.
    """
    # Only the readers that the kind needs: this runs in a process that is started for one file.
    if kind in IMAGES:
        from backend.attachments import images

        images.encode_again(file, kind, target)
        return True
    if kind in OFFICE:
        from backend.attachments import office

        if strip:
            from backend.attachments import office_strip

            office_strip.strip(file, kind, target)
        else:
            with office.opened(file, kind):
                pass
        return strip
    from backend.attachments import pdf

    if strip:
        pdf.strip(file, target)
    else:
        with pdf.opened(file):
            pass
    return strip
