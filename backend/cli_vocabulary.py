"""The command line of the words that mean the same: `yiqiao vocabulary check | expand`."""

from pathlib import Path
from typing import Annotated

import typer

from backend.cli_common import fail
from backend.config import Settings

app = typer.Typer(no_args_is_help=True, help="Medical words that mean the same, followed by every search by words.")


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(help="A vocabulary file; YIQIAO_VOCABULARY, else the shipped one, if left out.")
    ] = None,
) -> None:
    """Count groups and words, and tell what is wrong or worth a look by line; exit code 1 if it cannot be used."""
    from backend.matching import vocabulary

    path = path or Settings().vocabulary or vocabulary.SHIPPED
    try:
        report = vocabulary.check_own(path)
    except OSError as error:
        raise fail(f"{path}: cannot be read ({error.strerror})") from error
    for remark in report.remarks:
        place = f"line {remark.line}: " if remark.line else ""
        typer.echo(f"{place}{'ERROR: ' if remark.is_error else ''}{remark.message}")
    typer.echo(f"{path}: {report.groups} groups, {report.words} different words, {len(report.remarks)} remarks.")
    if not report.is_usable:
        raise fail("The file cannot be used before the errors are mended.")


@app.command()
def expand(text: Annotated[str, typer.Argument(help="What somebody might search for.")]) -> None:
    """Show which words a search for a text also looks for. Slips of the pen, which a search mends too, are left."""
    from backend.matching import vocabulary

    try:
        vocabulary.use(Settings().vocabulary)
    except vocabulary.VocabularyError as error:
        raise fail(str(error)) from error
    found = vocabulary.expansions(text)
    for expansion in found:
        added = (member.text + ("" if member.weight == 1 else f" (x {member.weight:g})") for member in expansion.added)
        typer.echo(f"{expansion.found}: {', '.join(added)}")
    if not found:
        typer.echo("The vocabulary adds nothing to this text.")
