"""The points of a need that is a free text: what it asks for, one by one."""

from embeddings.requirements import split_requirements


def points_of(text: str) -> list[str]:
    """The points by which a text is ranked besides its whole; none where the text is its one point."""
    points = split_requirements([text])
    return points if len(points) > 1 else []
