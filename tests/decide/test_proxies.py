from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.proxies import Proxies, is_this_machine
from loro_core.errors import ConfigError

PROXY = "http://proxy:3128"


def chosen(scheme="https", host="api.example.com", port=443, **environ):
    proxy = Proxies(environ).choose(scheme, host, port)
    return None if proxy is None else proxy.address


def test_each_scheme_has_its_variable():
    assert chosen("http", HTTP_PROXY=PROXY) == "proxy:3128"
    assert chosen("https", HTTP_PROXY=PROXY) is None
    assert chosen("https", HTTPS_PROXY=PROXY) == "proxy:3128"
    assert chosen("http", HTTPS_PROXY=PROXY) is None
    assert chosen() is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_all_proxy_holds_where_the_scheme_has_none(scheme):
    assert chosen(scheme, ALL_PROXY=PROXY) == "proxy:3128"
    assert chosen(scheme, ALL_PROXY=PROXY, HTTP_PROXY="one:1", HTTPS_PROXY="one:1") == "one:1"
    assert chosen(scheme, ALL_PROXY=PROXY, HTTP_PROXY=" ", HTTPS_PROXY="") == "proxy:3128"


def test_lower_case_wins():
    assert chosen(https_proxy="lower:1", HTTPS_PROXY="upper:1") == "lower:1"
    assert chosen(HTTPS_PROXY=PROXY, no_proxy="example.com") is None


@pytest.mark.parametrize(
    ("value", "address", "scheme"),
    [
        ("http://proxy", "proxy:80", "http"),
        ("proxy:8080", "proxy:8080", "http"),
        ("HTTPS://proxy/", "proxy:443", "https"),
        ("http://[::1]:3128", "[::1]:3128", "http"),
    ],
)
def test_what_a_variable_says(value, address, scheme):
    proxy = Proxies({"HTTPS_PROXY": value}).choose("https", "a", 443)
    assert proxy is not None
    assert (proxy.address, proxy.scheme, proxy.authorization) == (address, scheme, None)


def test_user_and_password_become_a_header_and_are_not_shown():
    proxy = Proxies({"HTTPS_PROXY": "http://al%40ice:p%3Ass@proxy:3128"}).choose("https", "a", 443)
    assert proxy is not None and proxy.authorization is not None
    assert b64decode(proxy.authorization.removeprefix("Basic ")) == b"al@ice:p:ss"
    assert proxy.authorization not in repr(proxy) and "alice" not in proxy.address


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("socks5://secret@proxy:1080", "a socks5:// proxy cannot be used; give an http:// proxy"),
        ("socks://secret@proxy:1080", "a socks:// proxy cannot be used; give an http:// proxy"),
        ("http://secret@", "give http://HOST:PORT"),
        ("http://secret@proxy:x", "give http://HOST:PORT"),
        ("http://secret@[::1", "give http://HOST:PORT"),
        ("http://secret@pro xy", "give http://HOST:PORT"),
    ],
)
def test_proxy_that_cannot_be_used_is_named_by_its_variable(value, hint):
    with pytest.raises(ConfigError) as caught:
        Proxies({"all_proxy": value})
    assert len(caught.value.problems) == 1  # though it stands for both schemes
    assert caught.value.problems[0].startswith("all_proxy: ") and hint in caught.value.problems[0]
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("excepted", "straight", "through"),
    [
        ("*", ["a.b", "10.0.0.1"], []),
        ("example.com", ["example.com", "EXAMPLE.com", "api.example.com", "example.com."], ["badexample.com", "com"]),
        (".example.com", ["api.example.com"], ["example.com", "badexample.com"]),
        ("*.example.com", ["api.example.com"], ["example.com"]),
        ("other, example.com ,10.0.0.0/8", ["example.com", "10.1.2.3"], ["11.0.0.1"]),
        ("10.0.0.1", ["10.0.0.1"], ["10.0.0.11", "110.0.0.1"]),
        ("::1:0/112,fe80::1", ["::1:5", "fe80::1"], ["fe80::2"]),
        ("[fe80::1]:443", ["fe80::1"], []),
        ("example.com:443", ["example.com"], []),
        ("example.com:8443,10.0.0.1:80", [], ["example.com", "10.0.0.1"]),
        ("", [], ["example.com"]),
        ("0.1", [], ["10.0.0.1"]),
    ],
)
def test_whom_no_proxy_names(excepted, straight, through):
    proxies = Proxies({"HTTPS_PROXY": PROXY, "NO_PROXY": excepted})
    assert [h for h in [*straight, *through] if proxies.choose("https", h, 443) is None] == straight


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "db.localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_never_behind_a_proxy(host):
    assert is_this_machine(host)
    assert chosen(host=host, HTTPS_PROXY=PROXY, ALL_PROXY=PROXY) is None


@pytest.mark.parametrize("host", ["localhost.example.com", "128.0.0.1", "::2", "mylocalhost", "0.0.0.0"])
def test_other_machines_are(host):
    assert not is_this_machine(host)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=12), st.integers(1, 65535))
def test_nothing_raises_anything_but_config_errors(value, excepted, host, port):
    try:
        proxies = Proxies({"HTTPS_PROXY": value, "NO_PROXY": excepted})
    except ConfigError:
        return
    proxies.choose("https", host, port)
