"""The key of the site: made once, whole, for its owner alone; what it seals opens with it and nothing else."""

import threading

import pytest
from pydantic import SecretStr, ValidationError

from backend import sealing
from backend.config import Settings
from backend.sealing import Sealer, Unsealable, make_sealer

TEXT = "一个秘密"


def test_what_is_sealed_opens_for_its_purpose_alone(settings: Settings) -> None:
    sealer = make_sealer(settings)
    sealed = sealer.seal("a", TEXT)
    assert TEXT not in sealed
    assert sealer.open("a", sealed) == TEXT
    for opened_by, purpose, text in (
        (sealer, "b", sealed),
        (Sealer(b"x" * 32), "a", sealed),
        (sealer, "a", "nonsense"),
    ):
        with pytest.raises(Unsealable):
            opened_by.open(purpose, text)


def test_what_is_too_old_stays_shut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = make_sealer(settings)
    sealed = sealer.seal("a", TEXT)
    assert sealer.open("a", sealed, seconds=60) == TEXT
    with pytest.raises(Unsealable):
        sealer.open("a", sealed, seconds=-1)


def test_the_key_file_is_made_once_for_its_owner_alone(settings: Settings) -> None:
    made: list[Sealer] = []
    threads = [threading.Thread(target=lambda: made.append(make_sealer(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({sealer.key for sealer in made}) == 1
    files = [path for path in settings.data_dir.iterdir() if path.name.startswith(sealing.KEY_FILE)]
    assert [path.name for path in files] == [sealing.KEY_FILE]
    assert files[0].stat().st_mode & 0o777 == 0o600


def test_a_key_file_that_is_cut_short_stops_the_start(settings: Settings) -> None:
    make_sealer(settings)
    (settings.data_dir / sealing.KEY_FILE).write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        make_sealer(settings)


def test_a_key_of_the_settings_leaves_no_file(settings: Settings) -> None:
    other = settings.model_copy(update={"secret_key": SecretStr("k" * 32)})
    assert make_sealer(other).digest("a", "b") == make_sealer(other).digest("a", "b")
    assert not (settings.data_dir / sealing.KEY_FILE).exists()
    assert "k" * 32 not in repr(make_sealer(other)) + repr(other)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 32"):
        Settings(secret_key=SecretStr("short"), _env_file=None)


def test_digests_depend_on_key_and_purpose() -> None:
    one, other = Sealer(b"x" * 32), Sealer(b"y" * 32)
    assert len({one.digest("a", "t"), one.digest("b", "t"), other.digest("a", "t"), one.derive("a", "t").hex()}) == 3
