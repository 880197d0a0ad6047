"""The app as its people start it: three ways, one app, one set of settings."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from collab.ui.headers import content_security_policy
from collab.ui.server import CONFIG, environment_settings, packaged_settings
from tests.driving import environment, free_port

ROOT = Path(__file__).parents[2]
PORT = "PORT"
WAYS = {
    "collab run": ["-m", "collab.cli", "run", "--port", PORT],
    "streamlit run": ["-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", PORT],
    "uvicorn": ["-m", "uvicorn", "app:app", "--app-dir", str(ROOT), "--port", PORT],
}


@contextmanager
def started(way: Sequence[str], folder: Path) -> Iterator[str]:
    """The address of an app that was started from a folder that isn't the repository."""
    port = free_port()
    workspace = folder / "workspace"
    variables = environment(COLLAB_DATA=str(workspace), PYTHONPATH=str(ROOT))
    log = folder / "server.log"
    with log.open("wb") as out:
        arguments = [part.replace(PORT, str(port)) for part in way]
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=out, stderr=out, env=variables)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not answers(f"{address}/healthz"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(address, timeout=2) as reply:
        return reply.read() == b'{"status":"ok"}'
    return False


def websocket_status(address: str, host: str) -> int:
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=5) as line:
        line.sendall(request.encode())
        return int(line.recv(64).split()[1])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_to_start_serves_the_same_app_with_the_same_settings(way: list[str], tmp_path: Path) -> None:
    with started(way, tmp_path) as address:
        with urllib.request.urlopen(f"{address}/") as page:
            assert page.headers["Content-Security-Policy"] == content_security_policy()
            assert page.headers["X-Content-Type-Options"] == "nosniff"
        with urllib.request.urlopen(f"{address}/app/static/inter.woff2") as font:  # enableStaticServing
            assert font.status == 200
        assert [websocket_status(address, host) for host in ("localhost", "evil.example")] == [101, 403]  # allowedHosts
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{address}/api/v1/sync", data=b"{}", method="POST"))
        with refused.value:
            assert refused.value.code == 401


def test_the_file_beside_the_program_and_the_one_in_the_package_are_the_same() -> None:
    assert (ROOT / ".streamlit" / "config.toml").read_text("utf-8") == CONFIG.read_text("utf-8")


def test_the_packaged_settings_keep_streamlit_quick_and_quiet() -> None:
    settings = packaged_settings()
    expected = {
        "server.address": "127.0.0.1", "server.fileWatcherType": "none", "runner.postScriptGC": False,
        "runner.magicEnabled": False, "browser.gatherUsageStats": False, "client.toolbarMode": "minimal",
        "server.allowedHosts": ["localhost", "127.0.0.1", "::1"],
    }  # fmt: skip
    assert {key: settings[key] for key in expected} == expected


def test_variables_of_the_environment_override_settings_each_in_its_own_type() -> None:
    found = environment_settings({
        "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "7", "STREAMLIT_RUNNER_POST_SCRIPT_GC": "true",
        "STREAMLIT_SERVER_ALLOWED_HOSTS": "a.example b.example", "STREAMLIT_SERVER_COOKIE_SECRET": "x", "HOME": "/",
    })  # fmt: skip
    assert found == {
        "server.maxUploadSize": 7, "runner.postScriptGC": True, "server.allowedHosts": ["a.example", "b.example"],
    }  # fmt: skip


def test_pages_never_load_torch_or_a_database_driver() -> None:
    code = (
        "import sys, collab.ui.server\n"
        "from collab.ui import page_answers, page_data, page_export, page_home, page_insights, page_label, page_new\n"
        "from collab.ui import page_settings, page_who\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers', 'sqlalchemy', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
