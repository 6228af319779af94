"""What no log may hold, at any level: what was said, and what opens the door."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harken.samples import packaged_samples
from tests.api.keyed import bearer
from tests.cluster import running_cluster


@pytest.mark.slow
@pytest.mark.parametrize("is_asked_for", [False, True])
def test_a_whole_run_at_debug_level_logs_no_secrets_and_transcripts_only_where_asked_for(
    tmp_path: Path, is_asked_for: bool
) -> None:
    """Requests, a stream, a job, failures and refusals, of the gateway and of its instance; request ids come first."""
    samples = [one for one in packaged_samples() if len(one.text.split()) > 3 or len(one.text) > 8][:2]
    env = {"HARKEN_STATE_FOLDER": str(tmp_path / "state"), "HARKEN_LOG_LEVEL": "debug"}
    env["HARKEN_LOG_TRANSCRIPTS"] = str(is_asked_for)
    made = subprocess.run(
        [sys.executable, "-m", "harken", "keys", "add", "bob", "--json", "--set", f"state.folder={tmp_path / 'state'}"],
        capture_output=True,
        text=True,
        check=True,
    )
    secret = json.loads(made.stdout)["secret"]
    written = tmp_path / "log"
    with (
        written.open("wb") as log,
        running_cluster("--model", "digits", "--instances", "1", env=env, log=log) as cluster,
        httpx.Client(base_url=cluster.url, headers=bearer(secret), timeout=60) as client,
    ):
        cluster.wait_ready(1)
        for sample in samples:
            data = sample.path.read_bytes()
            assert client.post("/asr", files={"audio": data}).json()["text"] == sample.text
            streamed = client.post("/v1/audio/transcriptions", files={"file": data}, data={"stream": "true"})
            assert "transcript.text.done" in streamed.text
            assert client.post("/v1/jobs", files={"file": data}).status_code == 201
        assert client.post("/asr", files={"audio": b"no audio"}).status_code == 400
        assert httpx.post(f"{cluster.url}/asr", headers=bearer("hk_wrong-sesame")).status_code == 401
        prompted = client.post(
            "/v1/audio/transcriptions",
            files={"file": data},
            data={"prompt": "Rumpelstilzchen", "keywords": "Aschenputtel"},
        )
        assert prompted.status_code == 200
    lines = written.read_text(encoding="utf-8").splitlines()
    text = "\n".join(lines)
    assert "request.done" in text
    assert not [word for word in (secret, "hk_wrong-sesame", "Rumpelstilzchen", "Aschenputtel") if word in text]
    assert {sample.text in text for sample in samples} == {is_asked_for}
    events = [json.loads(line) for line in lines if line.startswith("{")]
    of_requests = [event for event in events if "request_id" in event]
    assert of_requests
    assert {next(iter(event)) for event in of_requests} == {"request_id"}
