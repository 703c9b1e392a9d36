"""TLS to memcached, whose reading of records has to be helped."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.backends.memcache import wire
from tests.servers.memcached import Memcached
from tests.servers.programs import PROGRAMS
from tests.servers.redis import make_certificate

from .conftest import Configure


class MemcachedTLS(Memcached):
    """A memcached that speaks TLS alone; ``ca_file`` says whom to trust."""

    def prepare(self) -> None:
        self.ca_file = self.folder / "cert.pem"
        make_certificate(self.ca_file, self.folder / "key.pem")
        for path in (self.folder, self.ca_file, self.folder / "key.pem"):
            path.chmod(0o755)

    def command(self) -> list[str]:
        files = f"ssl_chain_cert={self.ca_file},ssl_key={self.folder / 'key.pem'}"
        return [*super().command(), "-Z", "-o", files]


@pytest.fixture
def store(memcached: Any, configure: Configure) -> Iterator[Any]:
    program = PROGRAMS["memcached"].command()[0]
    if b"--enable-ssl" not in subprocess.run([program, "-h"], capture_output=True).stdout:
        pytest.skip("this memcached was built without TLS")
    with MemcachedTLS() as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        yield configure(server.location, tls_context=context)


def big(size: int) -> str:
    return "x" * size


def use(store: Any) -> list[Any]:
    values = {f"key{size}": big(size) for size in (10, 8_000, 17_000, 60_000, 500_000)}
    many = {f"many{number}": big(900) for number in range(200)}
    told = [store.put_many(values, 60), store.many(values) == values]
    told += [store.put(key, value, 60) for key, value in values.items()]
    told += [store.get(key) == value for key, value in values.items()]
    return [*told, store.put_many(many, 60), store.many(many) == many, store.forget_many(many)]


def test_values_of_any_size_pass(store: Any) -> None:
    assert use(store) == [True] * 14 + [200]
    assert store.increment("n") == 1
    (kept,) = cache._home.stack().driver.engine.node._pool.free
    child = os.fork()
    if child == 0:
        os._exit(0 if store.increment("n") == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.increment("n") == 3
    assert cache._home.stack().driver.engine.node._pool.free == (kept,)


def test_one_record_for_all_would_not_do(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RECORD", 2**30)
    if False not in use(store):
        pytest.skip("this memcached reads on by itself")


def test_the_certificate_is_looked_at(memcached: Any, configure: Configure) -> None:
    store = configure(memcached.location, tls_context=ssl.create_default_context())
    assert store.put("key", 1, 60) is False
