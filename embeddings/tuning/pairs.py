"""Pairs for tuning: what is looked for, what answers it, and which other answers must not count as wrong.

Products are read from a JSON Lines file of regulatory entries ({"id", "name", "description", "code", "year", "kind"}),
needs from a CSV of product id, need and split. The texts of the products stay where they are.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embeddings.jsonl import json_lines
from embeddings.types import EmbeddingsError

LAST_YEAR = "2023"
"""Cases of this year never train: they measure."""
TRAIN, HELD_OUT = "train", "held_out"
SHORTEST_QUERY = 12
SHORTEST_DOCUMENT = 16
LONGEST = 400
NAME_SHARE = 6
"""One product in so many gives a pair name ↔ description: more of them teach the regulator's manner of writing."""

Side = Literal["whole", "use", "rest"]
"""Name and description, name and stated use, name and everything but the use."""

_USES = ("用于", "可用于", "适用于", "主要用于", "供", "预期用")
_SIDES: tuple[Side, ...] = ("whole", "use", "rest")
_SENTENCE = re.compile(r"[^。；;]+[。；;]?")
_DEVICE_CODE = re.compile(r"\d\d-\d\d(-\d\d)?")


class PairsError(EmbeddingsError):
    """A file of products or needs cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Product:
    """One regulatory entry; `category` is its device category, or its own id where it is no device."""

    id: str
    name: str
    description: str
    category: str
    year: str
    kind: str

    @property
    def text(self) -> str:
        """Name and description, as a document."""
        return f"{self.name}：{self.description}"[:LONGEST]


@dataclass(frozen=True, slots=True)
class Need:
    """A need in a clinician's words, and the product it was written for."""

    product: str
    text: str
    split: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An anchor (encoded as a query) and its answer (encoded as a passage).

    `same` and `category` mark false negatives: an answer of the same text or device category is not wrong. `side` is
    what the answer shows of its product; a hard negative shows the same, or its form alone would give it away.
    """

    anchor: str
    positive: str
    same: str
    category: str
    side: Side = "whole"


def read_products(path: Path) -> dict[str, Product]:
    """Products by id, in the order of the file. Raises PairsError."""
    found: dict[str, Product] = {}
    for place, row in json_lines(path, PairsError):
        try:
            name, description = str(row["name"]), str(row["description"])
            code = str(row.get("code") or "")
            category = code if _DEVICE_CODE.fullmatch(code) else str(row["id"])
            product = Product(
                str(row["id"]), name, description, category, str(row.get("year") or ""), str(row.get("kind") or "")
            )
        except KeyError as error:
            raise PairsError(f"{place}: the field {error} is missing") from error
        found[product.id] = product
    return found


def read_needs(path: Path) -> list[Need]:
    """Needs in the order of the file (columns product, need, split). Raises PairsError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [Need(row["product"], row["need"], row["split"]) for row in rows]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise PairsError(f"cannot read the needs in {path}: {error}") from error


def split_use(product: Product) -> tuple[str, str]:
    """The sentences of a description that state the use, and the rest; either may be empty."""
    uses: list[str] = []
    rest: list[str] = []
    for match in _SENTENCE.finditer(product.description):
        sentence = match.group().strip()
        (uses if sentence.startswith(_USES) else rest).append(sentence)
    return "".join(uses), "".join(rest)


def shown(product: Product, side: Side) -> str:
    """One side of a product as a document; whole where it has no such side."""
    use, rest = split_use(product)
    if side == "use" and use:
        return f"{product.name}：{use}"[:LONGEST]
    if side == "rest" and use:
        return (f"{product.name}：{rest}" if len(rest) >= SHORTEST_DOCUMENT else product.name)[:LONGEST]
    return product.text


def use_pairs(products: Iterable[Product], *, seed: int = 0) -> list[Pair]:
    """use → name and composition, each use once. Nothing of LAST_YEAR."""
    pairs: list[Pair] = []
    seen: set[str] = set()
    for product in products:
        use, _rest = split_use(product)
        if product.year.startswith(LAST_YEAR) or len(use) < SHORTEST_QUERY or use in seen:
            continue
        seen.add(use)
        pairs.append(Pair(use[:LONGEST], shown(product, "rest"), use, product.category, "rest"))
    random.Random(seed).shuffle(pairs)  # noqa: S311 - an order, not a secret  # nosec B311
    return pairs


def name_pairs(products: Iterable[Product]) -> list[Pair]:
    """name → description for one product in NAME_SHARE. Nothing of LAST_YEAR."""
    return [
        Pair(product.name, product.description[:LONGEST], product.name, product.category)
        for number, product in enumerate(products)
        if number % NAME_SHARE == 0 and not product.year.startswith(LAST_YEAR)
    ]


def need_pairs(needs: Iterable[Need], products: Mapping[str, Product], copies: int, *, seed: int = 0) -> list[Pair]:
    """need → product, `copies` times with another side of the product shown.

    Raises:
        PairsError: if a need is for a product that is not at hand, or trains on a product of LAST_YEAR.
    """
    pairs: list[Pair] = []
    for need in needs:
        if need.split != TRAIN:
            continue
        product = products.get(need.product)
        if product is None:
            raise PairsError(f"a need is written for the product {need.product!r}, which the products file lacks")
        if product.year.startswith(LAST_YEAR):
            raise PairsError(f"a need that trains is written for {need.product!r}, a case of {LAST_YEAR}")
        for copy in range(copies):
            side = _SIDES[copy % len(_SIDES)]
            pairs.append(Pair(need.text, shown(product, side), product.id, product.category, side))
    random.Random(seed).shuffle(pairs)  # noqa: S311  # nosec B311
    return pairs


def measured_cases(products: Mapping[str, Product]) -> tuple[dict[str, str], dict[str, str]]:
    """The product protocol: queries (id to use) of LAST_YEAR, and the pool of documents (id to name and rest).

    A query is a use of at least 12 characters whose product has a rest of more than 15; each query once; entries of
    kind "determination" alone.
    """
    queries: dict[str, str] = {}
    pool: dict[str, str] = {}
    seen: set[str] = set()
    for product in products.values():
        if product.kind != "determination":
            continue
        use, rest = split_use(product)
        if len(use) < SHORTEST_QUERY or len(rest) < SHORTEST_DOCUMENT or use in seen:
            continue
        seen.add(use)
        pool[product.id] = f"{product.name}：{rest}"
        if product.year.startswith(LAST_YEAR):
            queries[product.id] = use
    return queries, pool
