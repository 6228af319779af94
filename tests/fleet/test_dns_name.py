"""A name whose addresses are upstreams: what is decided, and real instances behind a real DNS server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.upstream import Upstream
from harken.errors import ConfigError
from harken.fleet.dns_name import ADDRESSES_MAX, DnsName, at_address, staying
from harken.fleet.lookup import addresses_of
from harken.fleet.static import StaticFleet
from harken.fleet.upstreams import parse_upstreams
from tests.network import can_have_networks, inside_a_network

UPSTREAM = Upstream(name="pod", url="http://pods:7861", slots=4, is_dns=True)


@pytest.mark.parametrize(
    ("known", "told", "answering", "now"),
    [
        ("", "ab", "", "ab"),
        ("ab", "bc", "ab", "bc"),
        ("ab", "", "b", "b"),
        ("ab", "", "", ""),
    ],
)
def test_the_resolver_is_believed_but_where_it_says_that_there_is_nobody(
    known: str, told: str, answering: str, now: str
) -> None:
    """Then those who answer know better."""
    assert staying(known, told, answering) == set(now)


def test_no_name_has_more_addresses_than_the_bound() -> None:
    """And the same ones at each look, so that they do not come and go."""
    told = {f"10.0.{number // 256}.{number % 256}" for number in range(ADDRESSES_MAX + 50)}
    assert staying((), told, ()) == staying((), {*told}, ()) < told
    assert len(staying((), told, ())) == ADDRESSES_MAX


@pytest.mark.parametrize(
    ("address", "name", "url"),
    [
        ("10.42.0.17", "pod-10.42.0.17", "http://10.42.0.17:7861"),
        ("fd00::a:1", "pod-fd00_a-1", "http://[fd00::a:1]:7861"),
        ("::1", "pod-0_1", "http://[::1]:7861"),
        ("fd00::", "pod-fd00_0", "http://[fd00::]:7861"),
        ("fe80::1%eth0", "pod-fe80_1.eth0", "http://[fe80::1%eth0]:7861"),
    ],
)
def test_an_address_is_an_upstream_of_the_same_kind(address: str, name: str, url: str) -> None:
    """All that was said of the name holds for it."""
    one = at_address(UPSTREAM, address)
    assert (one.name, one.url, one.slots, one.is_dns) == (name, url, 4, False)


@given(st.sets(st.ip_addresses(v=6).map(str), min_size=2, max_size=5))
def test_no_two_addresses_have_the_same_name(addresses: set[str]) -> None:
    """And each may be an upstream's."""
    names = {at_address(UPSTREAM, address).name for address in addresses}
    assert len(names) == len(addresses)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) for name in names)


@pytest.mark.parametrize("host", ["10.0.0.1", "[::1]", "10.0.0.1.", "127.1", "2130706433", "0x7f.1"])
def test_an_address_is_no_name_with_addresses(host: str) -> None:
    """It would be looked up for ever, and is one upstream."""
    with pytest.raises(ConfigError, match="is an address, not a name; leave #dns out"):
        parse_upstreams(f"http://{host}:7861#dns", {})
    assert not parse_upstreams(f"http://{host}:7861", {})[0].is_dns


def test_a_name_with_a_certificate_cannot_be_called_by_its_addresses() -> None:
    """The certificate is for the name."""
    assert parse_upstreams("http://pods:7861#dns", {})[0].is_dns
    with pytest.raises(ConfigError, match="certificate"):
        parse_upstreams("https://pods:7861#dns", {})


class Owner:
    """Notes what becomes of targets; those in `well` take work; drains end when `drained` is set."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.well: set[str] = set()
        self.drained = asyncio.Event()

    def add(self, upstream: Upstream) -> None:
        """One came."""
        self.told.append(f"+{upstream.name}")

    def add_target(self, name: str, url: str, open_line: object = None, *, weight: float = 1.0) -> None:
        """See `TargetOwner`."""
        raise AssertionError("names are added as upstreams")

    def remove_target(self, name: str) -> None:
        """See `TargetOwner`."""
        self.told.append(f"-{name}")

    def drain_target(self, name: str) -> None:
        """See `TargetOwner`."""
        self.told.append(f"~{name}")

    async def wait_drained(self, name: str, timeout_s: float) -> bool:
        """See `TargetOwner`."""
        await self.drained.wait()
        return True

    async def wait_in_service(self, name: str) -> None:
        """See `TargetOwner`."""
        raise AssertionError("nobody waits for an upstream")

    def takes_work(self, name: str) -> bool:
        """See `WatchfulOwner`."""
        return name in self.well


async def story(owner: Owner, *answers: frozenset[str] | OSError, taken: frozenset[str] = frozenset()) -> list[DnsName]:
    """Look a name up once for each answer; then let go of it."""
    left, done = list(answers), asyncio.Event()

    async def lookup(host: str) -> frozenset[str]:
        assert host == "pods"
        if not left:
            done.set()
            await asyncio.Event().wait()
        answer = left.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    name = DnsName(
        UPSTREAM,
        owner,
        owner.add,
        is_taken=lambda one: one.name in taken or one.name in {target.name for target in name.targets},
        lookup=lookup,
        interval_s=0.001,
        drain_timeout_s=9.0,
    )
    task = asyncio.create_task(name.run())
    await done.wait()
    task.cancel()
    await asyncio.wait([task])
    return [name]


def addresses(*numbers: int) -> frozenset[str]:
    """Some."""
    return frozenset(f"10.0.0.{number}" for number in numbers)


def test_who_goes_is_drained_first_and_who_comes_back_meanwhile_stays() -> None:
    """A drain that lasts ends with the address's return, not with its removal."""

    async def main() -> None:
        owner = Owner()
        await story(owner, addresses(1, 2), addresses(2), addresses(1, 2))
        one = "pod-10.0.0.1"
        assert owner.told == [f"+{one}", "+pod-10.0.0.2", f"~{one}", f"+{one}"]
        owner = Owner()
        owner.drained.set()
        (name,) = await story(owner, addresses(1, 2), addresses(2), addresses(2), addresses(2))
        assert owner.told[2:] == [f"~{one}", f"-{one}"]
        assert [target.name for target in name.targets] == ["pod-10.0.0.2"]

    asyncio.run(main())


def test_an_address_that_is_an_upstream_already_is_not_used_twice() -> None:
    """It would get twice its slots; there are two ways to be the same: a fixed one, and another name's."""

    async def main() -> None:
        owner = Owner()
        (name,) = await story(owner, addresses(1, 2), addresses(1, 2), taken=frozenset({"pod-10.0.0.1"}))
        assert owner.told == ["+pod-10.0.0.2"]
        assert [target.name for target in name.targets] == ["pod-10.0.0.2"]

    async def both() -> list[str]:
        async def lookup(host: str) -> frozenset[str]:
            return addresses(1, 2)

        fixed = Upstream(name="fixed", url="http://10.0.0.1:7861")
        names = (replace(UPSTREAM, name="long", url="http://pods.test.:7861"), UPSTREAM)
        async with (
            Dispatcher(LimitsConfig(), FleetConfig()) as dispatcher,
            StaticFleet((fixed, *names), dispatcher, resolve_interval_s=0.001, lookup=lookup) as fleet,
        ):
            async with asyncio.timeout(10):
                while len(fleet.instances()) < 3:  # the fixed one, one address, and the name that got none
                    await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)  # a few look-ups more
            return [one.url for one in dispatcher.health()]

    asyncio.run(main())
    assert sorted(asyncio.run(both())) == ["http://10.0.0.1:7861", "http://10.0.0.2:7861"]


def test_a_resolver_that_cannot_tell_changes_nothing() -> None:
    """It is said, for /health where there was no address yet."""

    async def main() -> None:
        owner = Owner()
        failure = socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        (name,) = await story(owner, addresses(1), failure, failure)
        assert owner.told == ["+pod-10.0.0.1"]
        assert "cannot be looked up" in name.detail

    asyncio.run(main())


def test_a_name_that_does_not_exist_has_no_addresses() -> None:
    """`.invalid` is reserved for that; a machine without a resolver cannot tell, which is another thing."""

    async def main() -> None:
        assert "127.0.0.1" in await addresses_of("localhost")
        with suppress(socket.gaierror):
            assert await addresses_of("harken.invalid") == frozenset()

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.skipif(not can_have_networks(), reason="this machine gives us no network namespaces")
def test_instances_behind_a_real_dns_server_come_and_go_and_no_request_fails() -> None:
    """Addresses come, one goes under load, the DNS server dies, returns and denies all, and an instance dies."""
    command = inside_a_network([sys.executable, "-m", "tests.fleet.dns_story"])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["found"] == ["pod-127.0.0.2", "pod-127.0.0.3"]
    assert told["one_more"] == ["pod-127.0.0.2", "pod-127.0.0.3", "pod-127.0.0.4"]
    assert told["one_less"] == ["pod-127.0.0.3", "pod-127.0.0.4"]
    assert told["without_dns"] == told["denied"] == told["one_less"]
    assert told["one_died"] == ["pod-127.0.0.4"]
    assert told["at_first"] == ["pod"]
    assert "has no address" in told["why"]
    assert set(told["statuses"]) == {"200"}
    assert told["statuses"]["200"] > 50
