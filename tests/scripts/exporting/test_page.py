"""The exporter's port: where it is taken, the page comes once it is free."""

import socket
from pathlib import Path
from threading import Thread

from scripts.exporting import page
from scripts.serving import exporter_process, processes
from tests.integration.server import free_ports
from tests.scripts.exporting.exported import Exported


def test_a_taken_port_is_named_once_and_served_as_soon_as_it_is_free(tmp_path: Path) -> None:
    exported, port = Exported(tmp_path, tmp_path), free_ports()["exporter"]
    said: list[str] = []
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        waiting = Thread(
            target=lambda: page.serve(exported.release, exported.live, port, said.append, try_again_s=0.01)
        )
        waiting.start()
        assert processes.wait_until(lambda: said, 30)
    waiting.join(30)
    assert exporter_process.answers(port, tmp_path / "run")
    assert len(said) == 2
    assert f"port {port} on 127.0.0.1 is taken by" in said[0]
    assert "EXPORTER_PORT" in said[0]


def test_the_page_of_another_server_is_no_answer(tmp_path: Path) -> None:
    exported, port = Exported(tmp_path, tmp_path), free_ports()["exporter"]
    page.serve(exported.release, exported.live, port, lambda _: None)
    assert exporter_process.answers(port, tmp_path / "run")
    assert not exporter_process.answers(port, tmp_path / "another")
