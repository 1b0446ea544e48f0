"""Which URLs and addresses are asked."""

import pytest
from yarl import URL

from sym.net.errors import ChartRefused
from sym.net.policy import forbidden, parse_url, same_origin, siblings, where


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.216.34", ""),
        ("2606:2800:220:1:248:1893:25c8:1946", ""),
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("100.100.100.200", "private"),
        ("fd00:ec2::254", "private"),
        ("198.18.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
    ],
)
def test_addresses(address: str, kind: str) -> None:
    assert forbidden("charts.example.com", address, ()) == kind


def test_a_listed_host_may_be_near_but_never_at_metadata() -> None:
    listed = frozenset({"charts.corp", "169.254.10.10"})
    assert forbidden("Charts.Corp.", "10.0.0.1", listed) == ""
    assert forbidden("charts.corp", "127.0.0.1", listed) == ""
    assert forbidden("charts.corp", "169.254.169.254", listed) == "link-local"
    assert forbidden("charts.corp", "::ffff:0.0.0.0", listed) == "unspecified"
    assert forbidden("other.corp", "10.0.0.1", listed) == "private"
    assert forbidden("other.corp", "169.254.10.10", listed) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://example.com/x", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("", "must begin with https://"),
        ("https:///x", "names no host"),
        ("https://user:pw@example.com/x", "example.com: its URL holds a user or a password"),
        ("https://user@example.com/x", "holds a user"),
        ("https://[::1/x", "cannot be read"),
        ("https://example.com:99999/x", "cannot be read"),
    ],
)
def test_urls_that_are_refused(text: str, told: str) -> None:
    with pytest.raises(ChartRefused, match="URL") as caught:
        parse_url(text, ("https",))
    assert told in caught.value.message
    assert "pw" not in caught.value.message


def test_a_host_for_messages() -> None:
    assert where(URL("https://example.com:443/x?token=1")) == "example.com"
    assert where(URL("oci://example.com:5000/x")) == "example.com:5000"
    assert where(URL("https://[::1]:4430/x")) == "[::1]:4430"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example/y", True),
        ("http://a.example/x", "https://a.example/y", True),
        ("https://a.example/x", "http://a.example/y", False),
        ("https://a.example/x", "https://a.example:8443/y", False),
        ("https://a.example/x", "https://b.example/y", False),
    ],
)
def test_the_same_server(one: str, other: str, same: bool) -> None:
    assert same_origin(URL(one), URL(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("registry-1.docker.example", "auth.docker.example", True),
        ("docker.example", "auth.docker.example", True),
        ("a.example", "b.example", False),
        ("localhost", "localhost", True),
        ("localhost", "otherhost", False),
        ("10.0.0.1", "10.9.0.1", False),
        ("[::1]", "[::2]", False),
    ],
)
def test_hosts_of_one_domain(one: str, other: str, same: bool) -> None:
    assert siblings(URL(f"https://{one}/"), URL(f"https://{other}/")) is same
