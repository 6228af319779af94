"""nginx's configuration: what it says, whether a real nginx takes it, and how one does in front of a gateway."""

from __future__ import annotations

import io
import json
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from harken.config import Config, FleetConfig, GatewayConfig, InstanceConfig, LimitsConfig, load_config
from harken.errors import ConfigError
from harken.ops.export.nginx import Door, before_gateway, before_instances, place_of, quoted, whole_weights
from harken.testing.sounds import speech_like
from tests.cluster import running_cluster
from tests.ops.export.guide import RECORDING, exported, free_ports, nginx, open_folder, program, until
from tests.server.certificates import issue

FOUR = tuple(InstanceConfig(name=f"asr-{number}", port=7860 + number) for number in range(1, 5))
GUIDE_DOOR = Door(body_mb=100)


def guide(config: Config | None = None, door: Door = GUIDE_DOOR) -> str:
    """The guide's balancer."""
    config = config or Config()
    (text,) = before_instances(config, FOUR, (3.0, 3.0, 2.0, 2.0), door).files.values()
    return text


def test_the_guide_s_figures_are_all_there() -> None:
    """Weights 3, 3, 2, 2; 100 MB; 300 s for body, connect, send and read; headers; /health passed through."""
    text = guide()
    wanted = [("7861", "3"), ("7862", "3"), ("7863", "2"), ("7864", "2")]
    for name in ("harken", "harken_live"):
        upstream = text.partition(f"upstream {name} {{")[2].partition("}")[0]
        assert re.findall(r"server 127.0.0.1:(\d+) weight=(\d) ", upstream) == wanted
    server = text.partition("location")[0]
    assert "listen 127.0.0.1:7860;" in server
    assert "client_max_body_size 100m;" in server
    for name in ("client_body", "proxy_connect", "proxy_send", "proxy_read"):
        assert f"{name}_timeout 300s;" in server
    sent = dict(re.findall(r"proxy_set_header (\S+) (\S+);", server))
    assert sent["Host"] == "$host"
    assert sent["X-Real-IP"] == "$remote_addr"
    assert sent["X-Forwarded-For"] == "$proxy_add_x_forwarded_for"
    assert "location /health {" in text


def test_nothing_is_sent_twice_after_it_was_sent() -> None:
    """A POST goes to another instance only where it was not accepted; before a gateway nothing is tried again."""
    assert "non_idempotent" not in guide()
    (text,) = before_gateway(Config(), Door()).files.values()
    assert "proxy_next_upstream off;" in text


def test_bodies_may_be_as_large_as_harken_takes_them() -> None:
    """Of jobs more than of others; nginx counts in MiB where that comes out even."""
    config = Config(limits=LimitsConfig(upload_bytes=1_000_000))
    text = guide(config, Door())
    assert "client_max_body_size 1000000;" in text.partition("location")[0]
    assert "client_max_body_size 16384m;" in text.partition("location /v1/jobs")[2]


@pytest.mark.parametrize(
    ("weights", "whole"),
    [
        ((1.0, 1.0), (1, 1)),
        ((3.0, 3.0, 2.0, 2.0), (3, 3, 2, 2)),
        ((0.5, 1.0), (1, 2)),
        ((4.0, 2.0), (2, 1)),
        ((0.3, 0.2, 0.1), (3, 2, 1)),
        ((1 / 3, 2 / 3), (1, 2)),
    ],
)
def test_weights_become_whole_numbers_of_the_same_proportions(
    weights: tuple[float, ...], whole: tuple[int, ...]
) -> None:
    """The smallest ones."""
    assert whole_weights(weights) == whole


@pytest.mark.parametrize("weights", [(1e-9, 1.0), (1.0, 1e12)])
def test_weights_that_are_too_far_apart_are_refused(weights: tuple[float, ...]) -> None:
    """Rather than a server that gets nothing."""
    with pytest.raises(ConfigError, match="as far apart"):
        whole_weights(weights)


@pytest.mark.parametrize(
    ("host", "place"),
    [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("", "80"), ("localhost", "localhost:80")],
)
def test_addresses_are_written_as_nginx_takes_them(host: str, place: str) -> None:
    """IPv6 in brackets, none for all."""
    assert place_of(host, 80) == place


def test_a_listener_on_every_address_is_reached_by_loopback() -> None:
    """Wildcards are for listening."""
    everywhere = InstanceConfig(host="0.0.0.0", port=7861)
    (text,) = before_instances(Config(), [everywhere], (1.0,), Door()).files.values()
    assert "server 127.0.0.1:7861 " in text
    for host, place in (("::", "[::1]:7860"), ("", "127.0.0.1:7860"), ("0.0.0.0", "127.0.0.1:7860")):
        (text,) = before_gateway(Config(gateway=GatewayConfig(host=host)), Door()).files.values()
        assert f"server {place} " in text


@pytest.mark.parametrize("host", ["a b", "a;b", "a{", "$a", "a\n", 'a"', "a#"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    """Nothing gets out of its word."""
    with pytest.raises(ConfigError, match="cannot be written there"):
        place_of(host, 80)


def test_a_dollar_cannot_be_quoted() -> None:
    """Whatever nginx reads there would be a variable."""
    with pytest.raises(ConfigError, match=r"'\$'"):
        quoted("/etc/$name.pem", "--tls-cert")


@pytest.mark.parametrize(
    "config",
    [
        Config(fleet=FleetConfig(instances=0, upstreams="http://gpu-2:8000")),
        Config(fleet=FleetConfig(first_port=0)),
        Config(gateway=GatewayConfig(port=0)),
    ],
)
def test_what_nobody_could_find_is_refused(config: Config) -> None:
    """No instances, or ports that the system chooses."""
    with pytest.raises(ConfigError):
        before_instances(config, FOUR, (1.0,) * 4, Door())


def test_upstreams_are_said_to_be_left_out() -> None:
    """Their keys are nothing for nginx."""
    config = Config(fleet=FleetConfig(upstreams="http://gpu-2:8000/v1#key_env=KEY"))
    (note,) = before_instances(config, FOUR, (1.0,) * 4, Door()).notes
    assert "fleet.upstreams" in note


def test_every_door_keeps_queries_to_itself() -> None:
    """Also the one that only sends to https; and the format is there before it is used."""
    config, door = Config(), Door(tls_cert="/a.pem", tls_key="/a.key", listen="443")
    for text in (guide(door=door), *before_gateway(config, door).files.values()):
        servers = text.split("\nserver {")[1:]
        assert len(servers) == 2
        assert all("access_log /var/log/nginx/access.log harken;" in server for server in servers)
        assert "log_format harken " in text.partition("\nserver {")[0]
        assert "$request " not in text


def test_one_half_of_a_certificate_is_refused() -> None:
    """A certificate and its key belong together."""
    with pytest.raises(ConfigError, match="belong together"):
        guide(door=Door(tls_cert="/a.pem"))


def accepts(file: Path, folder: Path) -> str:
    """What a real nginx complains of; "" for nothing."""
    command = [program("nginx"), "-t", "-q", "-e", str(folder / "log"), "-c", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stderr


@pytest.mark.slow
@pytest.mark.parametrize("front", ["instances", "gateway"])
@pytest.mark.parametrize(
    "more", [(), ("--rate", "5"), ("--listen", "[::1]:7859"), ("--server-name", "asr.example.org")]
)
def test_a_real_nginx_takes_a_whole_file_and_a_part(front: str, more: tuple[str, ...], tmp_path: Path) -> None:
    """Both forms, standing alone and included as Debian does; not a word of warning."""
    part, whole, around = tmp_path / "part.conf", tmp_path / "nginx.conf", tmp_path / "around.conf"
    exported("nginx", "--in-front-of", front, *more, "--output", part)
    exported("nginx", "--in-front-of", front, *more, "--standalone", tmp_path, "--output", whole)
    around.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n    include {part};\n}}\n")
    assert accepts(whole, tmp_path) == ""
    assert accepts(around, tmp_path) == ""


@pytest.mark.slow
def test_paths_with_odd_letters_are_quoted(tmp_path: Path) -> None:
    """Spaces, quotes, semicolons, braces, Chinese: a real nginx opens that very file."""
    folder = tmp_path / "a b;{c}\"d'e\\f 证书#"
    folder.mkdir()
    cert, key = issue(tmp_path, "odd")
    odd = cert.rename(folder / "odd.pem"), key.rename(folder / "odd.key")
    whole = tmp_path / "nginx.conf"
    flags = ("--tls-cert", odd[0], "--tls-key", odd[1], "--listen", "127.0.0.1:8443")
    exported("nginx", *flags, "--standalone", tmp_path, "--output", whole)
    assert accepts(whole, tmp_path) == ""


@pytest.mark.slow
def test_the_gateway_s_certificate_is_nginx_s_where_nginx_takes_its_place(tmp_path: Path) -> None:
    """From the same harken.toml; in front of the gateway it is talked to in https."""
    settings = ("--set", "gateway.tls_cert=/c.pem", "--set", "gateway.tls_key=/k.pem")
    text = exported("nginx", *settings)
    assert 'ssl_certificate "/c.pem";' in text
    assert "listen 127.0.0.1:7860 ssl;" in text
    assert "proxy_pass https://harken;" in exported("nginx", "--in-front-of", "gateway", *settings)


# --- in front of a real gateway ---------------------------------------------------------------------------------------


class Front:
    """A gateway of one slow stub, and nginx with TLS in front of it.

    Attributes:
        url: nginx's.
        client: trusts its certificate.
        context: likewise.
    """

    def __init__(self, url: str, client: httpx.Client, context: ssl.SSLContext) -> None:
        self.url = url
        self.client = client
        self.context = context

    def post(self, content: bytes) -> httpx.Response:
        """Send a recording, again while nginx says that it is too soon."""
        answers: list[httpx.Response] = []

        def is_let_in() -> bool:
            files = {"file": ("a.wav", content)}
            answers.append(self.client.post(f"{self.url}/v1/audio/transcriptions", files=files, timeout=60))
            return answers[-1].status_code != 429

        until(is_let_in, "nginx lets us in")
        return answers[-1]


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """At most 1 MiB, two requests a second."""
    with open_folder() as folder, running_cluster("--model", "stub:rtfx=3", "--instances", "1") as cluster:
        cluster.wait_ready(1)
        cert, key = issue(folder, "front")
        port = free_ports(1)
        gateway_port = cluster.url.rpartition(":")[2]
        exported(
            "nginx", "--in-front-of", "gateway", "--set", f"gateway.port={gateway_port}", "--body-mb", "1",
            "--listen", f"127.0.0.1:{port}", "--tls-cert", cert, "--tls-key", key, "--rate", "2",
            "--standalone", folder, "--output", folder / "nginx.conf",
        )  # fmt: skip
        key.chmod(0o644)
        context = ssl.create_default_context(cafile=cert)
        with nginx(folder, port), httpx.Client(verify=context, trust_env=False) as client:
            yield Front(f"https://127.0.0.1:{port}", client, context)


@pytest.mark.slow
def test_events_come_as_they_are_written(front: Front) -> None:
    """The first of a stream is here while the recording is still being recognised."""
    file = io.BytesIO()
    soundfile.write(file, speech_like(6.0, seed=3), 16_000, format="WAV", subtype="PCM_16")
    files, times = {"file": ("a.wav", file.getvalue())}, list[float]()
    url = f"{front.url}/v1/audio/transcriptions"
    with front.client.stream("POST", url, files=files, data={"stream": "true"}, timeout=60) as answer:
        assert answer.status_code == 200
        times += [time.monotonic() for _ in answer.iter_lines()]
    assert times[-1] - times[0] > 0.5, times


@pytest.mark.slow
def test_people_who_speak_are_let_through(front: Front) -> None:
    """The upgrade, in both directions, also for a page of nginx's own address; and the gateway's refusals."""
    url, refusals = f"{front.url.replace('https', 'wss', 1)}/v1/listen", set[int]()

    def is_let_in(origin: str) -> bool:
        try:
            with connect(url, ssl=front.context, proxy=None, origin=Origin(origin)) as client:
                assert json.loads(client.recv())["type"] == "session"
                client.send('{"type": "finish"}')
                assert list(client) == [] and client.protocol.close_code == 1000
        except InvalidStatus as refusal:
            refusals.add(refusal.response.status_code)
            return refusal.response.status_code == 403
        return True

    until(lambda: is_let_in(front.url), "nginx lets us in")
    assert refusals <= {429}
    until(lambda: is_let_in("https://evil.example"), "nginx lets us in")
    assert 403 in refusals


@pytest.mark.slow
def test_what_nginx_refuses_is_in_harken_s_words(front: Front) -> None:
    """Too large, and too often: the stable codes, in the shape of the route."""
    answer = front.post(bytes(2 * 1024 * 1024))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")
    answers = [front.client.get(f"{front.url}/v1/models") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["error"]["code"] == "rate_limit_exceeded"
    assert refused[0].headers["retry-after"] == "1"
    assert {front.client.get(f"{front.url}/health").status_code for _ in range(20)} == {200}, "looks are not counted"


@pytest.mark.slow
def test_the_gateway_s_own_refusals_pass(front: Front) -> None:
    """With their codes and headers."""
    answer = front.post(RECORDING.read_bytes()[:20])
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("undecodable_audio", "truncated_audio")
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.slow
def test_a_gateway_that_is_gone_is_said_in_harken_s_words() -> None:
    """503 with Retry-After, as a client of Harken expects it; and the session of who came back is not written down."""
    with open_folder() as folder:
        port = free_ports(2)
        exported(
            "nginx", "--in-front-of", "gateway", "--set", f"gateway.port={port + 1}", "--listen", f"127.0.0.1:{port}",
            "--standalone", folder, "--output", folder / "nginx.conf",
        )  # fmt: skip
        with nginx(folder, port):
            asked = httpx.get(f"http://127.0.0.1:{port}/v1/listen?session=hush&after=0", trust_env=False)
            assert (asked.status_code, asked.json()["error"]["code"]) == (503, "no_ready_instance")
            shapes: list[Any] = []
            for path in ("/asr", "/v1/audio/transcriptions"):
                answer = httpx.post(f"http://127.0.0.1:{port}{path}", content=b"x", trust_env=False)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                shapes.append(json.loads(answer.content))
        log = (folder / "access.log").read_text()
    assert '"GET /v1/listen HTTP/1.1" 503 ' in log and "hush" not in log
    assert shapes[0] == {"error": "No instance answers.", "code": "no_ready_instance"}
    assert shapes[1]["error"]["code"] == "no_ready_instance"


def test_the_defaults_are_those_of_the_example() -> None:
    """An export of nothing is an export of docs/harken.toml."""
    assert guide(load_config(Path(__file__).parents[3] / "docs" / "harken.toml")) == guide()
