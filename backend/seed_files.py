"""The rows of the demonstration data as their files hold them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml


def read_rows(folder: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """The rows of every file of a kind: `name`.yaml, or all files in the folder `name`."""
    paths = sorted((folder / name).glob("*.yaml")) or [folder / f"{name}.yaml"]
    for path in paths:
        with path.open(encoding="utf-8") as file:
            yield from yaml.safe_load(file)
