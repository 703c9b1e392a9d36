"""Every server starts, answers a real client, can be hurt, and heals."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pymysql
import pytest
import redis as redis_py
from pymemcache import Client
from redis.cluster import ClusterNode
from redis.cluster import RedisCluster as ClusterClient
from redis.sentinel import Sentinel

from tests.servers.process import listens, wait_until


def works(client: Any) -> bool:
    """Tell whether a value comes back."""
    client.set("key", "value")
    return client.get("key") == b"value"


def test_redis_on_tcp_and_its_unix_socket(redis: Any) -> None:
    with redis_py.Redis.from_url(redis.url) as one, redis_py.Redis.from_url(redis.unix_url) as two:
        assert works(one)
        assert two.get("key") == b"value"


def test_redis_with_tls(redis_tls: Any) -> None:
    with redis_py.Redis.from_url(redis_tls.tls_url, ssl_ca_certs=redis_tls.ca_file) as client:
        assert works(client)
    with (
        redis_py.Redis.from_url(redis_tls.tls_url) as stranger,
        pytest.raises(redis_py.ConnectionError, match="certificate"),
    ):
        stranger.ping()


def test_redis_cluster(redis_cluster: Any) -> None:
    nodes = [ClusterNode(node.host, node.port) for node in redis_cluster.nodes]
    with ClusterClient(startup_nodes=nodes) as client:
        for number in range(30):
            client.set(f"key {number}", number)
        assert [int(client.get(f"key {number}")) for number in range(30)] == list(range(30))
    sizes = [node.ask("DBSIZE")[0] for node in redis_cluster.nodes]
    assert ":0" not in sizes


def test_redis_sentinel_makes_the_replica_master(redis_sentinel: Any) -> None:
    sentinel = Sentinel(redis_sentinel.sentinels, socket_timeout=1)
    assert sentinel.discover_master(redis_sentinel.service)[1] == redis_sentinel.master.port
    first, heir = redis_sentinel.master, redis_sentinel.replica
    os.kill(redis_sentinel.master_pid, signal.SIGKILL)
    wait_until(lambda: redis_sentinel.master is heir, "the failover")
    redis_sentinel.heal()
    assert redis_sentinel.master is heir
    assert redis_sentinel.replica is first
    with sentinel.master_for(redis_sentinel.service) as client:
        assert works(client)
        assert client.wait(1, 1000) == 1
    for each in sentinel.sentinels:
        each.close()


def test_memcached(memcached: Any) -> None:
    client = Client(memcached.location)
    assert works(client)
    client.close()


def test_one_of_a_pool_of_memcacheds_goes_and_comes_back(memcached_pool: Any) -> None:
    assert len(set(memcached_pool.location)) == 3
    node = memcached_pool.nodes[1]
    node.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(node.location).get("key")
    node.start()
    client = Client(node.location)
    assert works(client)
    client.close()


def test_postgresql(postgresql: Any) -> None:
    with psycopg.connect(postgresql.url) as link:
        link.execute("CREATE TEMPORARY TABLE kept (value text)")
        link.execute("INSERT INTO kept VALUES ('value')")
        assert link.execute("SELECT value FROM kept").fetchone() == ("value",)


def test_mariadb(mariadb: Any) -> None:
    with pymysql.connect(
        host=mariadb.host, port=mariadb.port, user="root", database=mariadb.settings["NAME"]
    ) as link:
        cursor = link.cursor()
        cursor.execute("CREATE TEMPORARY TABLE kept (value text)")
        cursor.execute("INSERT INTO kept VALUES ('välue🙂')")
        cursor.execute("SELECT value FROM kept")
        assert cursor.fetchone() == ("välue🙂",)


@pytest.mark.parametrize("name", ["dynamodb", "dynalite"])
def test_dynamodb(name: str, request: pytest.FixtureRequest) -> None:
    client = boto3.client("dynamodb", **request.getfixturevalue(name).options)
    client.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="kept", WaiterConfig={"Delay": 1})
    client.put_item(TableName="kept", Item={"key": {"S": "key"}, "value": {"S": "value"}})
    found = client.get_item(TableName="kept", Key={"key": {"S": "key"}})
    assert found["Item"]["value"] == {"S": "value"}
    client.delete_table(TableName="kept")
    client.close()


def test_a_paused_server_answers_when_it_is_resumed(redis: Any) -> None:
    with redis_py.Redis.from_url(redis.url, socket_timeout=0.2, retry=None) as client:
        redis.pause()
        with pytest.raises(redis_py.TimeoutError):
            client.ping()
        redis.resume()
        assert client.ping()


ONE_OF_EACH = """
import os, time
from tests.servers import dynamodb, memcached, redis, sql
servers = [
    redis.Redis(), memcached.Memcached(), sql.PostgreSQL(), sql.MariaDB(), dynamodb.DynamoDB(),
]
for server in servers:
    server.__enter__()
    print(server.pid, server.port, server.folder.parent, flush=True)
servers[0].pause()
child = os.fork()  # holds all that was open
if child:
    print(child, "done", flush=True)
time.sleep(60)
"""


@pytest.mark.usefixtures("redis", "memcached", "postgresql", "mariadb", "dynamodb")
def test_a_process_that_is_killed_leaves_no_server_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ONE_OF_EACH], stdout=subprocess.PIPE, text=True
    ) as process:
        started = [process.stdout.readline().split() for _ in range(5)]
        child, said = process.stdout.readline().split()
        pids = [int(pid) for pid, *_ in started]
        assert said == "done"
        assert all(map(exists, pids))
        process.kill()
    try:
        wait_until(lambda: not any(map(exists, pids)), "the end of the servers", 10)
        wait_until(lambda: not Path(started[0][2]).exists(), "the end of their folder", 10)
        assert not any(listens(int(port)) for _, port, _ in started)
    finally:
        os.kill(int(child), signal.SIGKILL)


def exists(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be buried does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
