"""Files written whole or not at all."""

from pathlib import Path

import pytest

from embeddings.files import replaced


def test_a_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with replaced(path) as file:
        file.write(b"one")
        assert not path.exists()
    with pytest.raises(TypeError), replaced(path) as file:
        file.writelines([b"two", None])  # type: ignore[list-item]
    assert path.read_bytes() == b"one"
    assert [found.name for found in path.parent.iterdir()] == ["file"]
