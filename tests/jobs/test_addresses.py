"""Where webhooks may go."""

from __future__ import annotations

import pytest

from harken.errors import ClientError
from harken.jobs.addresses import check_url, is_public


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_public(address: str) -> None:
    """Also an IPv4 address behind NAT64."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "no address"],
)  # fmt: skip
def test_all_others_are_not(address: str) -> None:
    """Loopback, private, link-local (a cloud's metadata), shared, reserved, and IPv4 inside of IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.org/", "file:///etc/passwd", "https://", "https://user:pass@example.org/", "http://[::1/",
     "http://127.0.0.1/", "http://[::1]:80/", "http://localhost/x", "http://a.localhost", "http://169.254.169.254/",
     "https://example.org/\n", "http://example.org:99999/", "https://example.org/" + "x" * 2000,
     "http://１２７.0.0.1/", "http://①②⑦.0.0.①/", "http://127。0。0。1/", "http://ⓛocalhost/"],
)  # fmt: skip
def test_what_cannot_be_a_webhook_is_refused_with_the_job(url: str) -> None:
    """As far as the text says, which is ASCII as in every URL; names are resolved at delivery."""
    with pytest.raises(ClientError) as caught:
        check_url(url, allows_private=False)
    assert caught.value.field == "webhook"


def test_operators_may_allow_private_ones() -> None:
    """Then only the form counts."""
    assert check_url("http://127.0.0.1:8000/x?y", allows_private=True)
    assert check_url("https://example.org/hook", allows_private=False)
    with pytest.raises(ClientError):
        check_url("ftp://127.0.0.1", allows_private=True)
