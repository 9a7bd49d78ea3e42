"""The embedded PostgreSQL keeps what was committed, however it ended."""

import os
import signal
import socket
from pathlib import Path

import pg8000.native
import psutil
import pytest

from goldalert_local.errors import StackError
from goldalert_local.stores.postgres import (
    EmbeddedPostgres,
    PostgresAddress,
    external_address,
)


def connect(server: EmbeddedPostgres, password: str | None = None) -> pg8000.native.Connection:
    address = server.address
    return pg8000.native.Connection(
        address.user,
        host=address.host,
        port=address.port,
        password=password or address.password,
        database="postgres",
    )


def write(server: EmbeddedPostgres) -> None:
    connection = connect(server)
    connection.run("CREATE TABLE kept AS SELECT 7 AS value")
    connection.close()


def read(server: EmbeddedPostgres) -> object:
    connection = connect(server)
    rows = connection.run("SELECT value FROM kept")
    connection.close()
    return rows


def test_data_outlives_a_restart(postgres: EmbeddedPostgres) -> None:
    write(postgres)
    postgres.stop()
    postgres.start()
    postgres.wait()
    assert read(postgres) == [[7]]


def test_data_outlives_a_kill_of_the_server(postgres: EmbeddedPostgres) -> None:
    write(postgres)
    assert postgres.pid
    workers = psutil.Process(postgres.pid).children()
    os.kill(postgres.pid, signal.SIGKILL)
    psutil.wait_procs(workers, timeout=10)
    postgres.stop()
    postgres.start()
    postgres.wait()
    assert read(postgres) == [[7]]


def test_a_lock_file_with_the_number_of_another_process_is_no_obstacle(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    postgres.stop()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getppid()}\n")
    postgres.start()
    postgres.wait()
    assert postgres.alive()


def test_an_interrupted_initdb_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "half").touch()
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path, "secret")
    server.start()
    try:
        server.wait()
    finally:
        server.stop()
    assert not (tmp_path / "postgres.new").exists()


def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(pg8000.exceptions.DatabaseError, match="password authentication failed"):
        connect(postgres, password="guess")


def test_it_listens_on_loopback_only(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(postgres.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.family == socket.AF_INET
    }
    assert listening == {"127.0.0.1"}


def test_database_url_is_read() -> None:
    url = "postgresql://admin:p%40ss@db.example:6432/postgres"
    assert external_address(url) == PostgresAddress(
        "db.example", 6432, "admin", "p@ss", "verify-full"
    )


def test_a_server_on_this_machine_needs_no_tls() -> None:
    assert external_address("postgres://me@localhost").sslmode == "disable"


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "postgresql://h/d", "nonsense"])
def test_another_database_url_is_told_in_one_line(url: str) -> None:
    with pytest.raises(StackError, match="DATABASE_URL must look like"):
        external_address(url)
