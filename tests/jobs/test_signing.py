"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import stat
from pathlib import Path

from harken.jobs.secret import webhook_secret
from harken.jobs.signing import RETRY_MAX_S, retry_wait_s, sign


def test_the_signature_is_the_specifications_own_example() -> None:
    """The test vector that the specification's libraries share."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_any_text_can_be_a_secret() -> None:
    """Base64 only after the prefix, and where it is base64."""
    assert sign("plain", "m", 1, "{}") == sign("plain", "m", 1, "{}")
    assert sign("whsec_not base64!", "m", 1, "{}") != sign("plain", "m", 1, "{}")


def test_waits_grow_and_are_spread() -> None:
    """About 5 s, 20 s, 80 s … at most six hours, a quarter more or less."""
    assert [retry_wait_s(n, 0.5) for n in (1, 2, 3)] == [5.0, 20.0, 80.0]
    assert (retry_wait_s(1, 0.0), retry_wait_s(30, 0.5)) == (3.75, RETRY_MAX_S)


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """A configured one is used as it is, and nothing is written."""
    assert webhook_secret("given", tmp_path / "none") == "given"
    assert not (tmp_path / "none").exists()
    made = webhook_secret("", tmp_path / "state")
    assert made.startswith("whsec_")
    assert webhook_secret("", tmp_path / "state") == made
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["webhook-secret"]
    assert stat.S_IMODE((tmp_path / "state" / "webhook-secret").stat().st_mode) == 0o600
