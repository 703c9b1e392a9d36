"""A store of bytes on one memcached server.

What lies under a key is the 8 bytes of the epoch it was made under, then the entry. The epoch
itself is an item of its own and the last thing that every packet asks for, so each call is one trip
and knows which epoch stands. What has another epoch was flushed: it is as if it were not there.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from pymemcache.exceptions import MemcacheClientError, MemcacheError

from ...core.bounded import Bounded
from ...core.faces import BLOCKING, Hop, run_now
from ...core.facts import Facts, of_stats
from ...errors import StoreUnavailable, ValueTooLarge
from ..engine import KEEP, Blob, Change, Found, Moved
from .node import Node, NotConnected
from .packets import fresh_epoch, key_of, live, packets, parts, server_ttl
from .wire import Refused, Reply, Wire

T = TypeVar("T")


class Unsettled(MemcacheError):  # type: ignore[misc]  # pymemcache has no types
    """Say that commands were carried out, and that no epoch stands to judge them by."""


TRIES = 1000
"""How often a change is tried when others change the same entry."""

PAUSE = 0.001
"""How long a try waits at most. It does not grow, or who lost some would lose all that follow."""

REMEMBERED = 1000
"""How many entries of up to ``SMALL`` bytes that were changed one process remembers per node."""

SMALL = 1024

_ITEM = 48  # bytes that an item takes besides its key and its value, at least


class Engine:
    """Keep bytes on one node, under the epoch that lies there too."""

    hop = Hop.THREAD
    orderly = True
    errors = (MemcacheError,)

    def __init__(self, node: Node, epoch_name: bytes) -> None:
        self.node = node
        self._epoch_key = key_of(epoch_name)
        self._ask_epoch = b"mg %b v" % self._epoch_key
        self._known: int | None = None
        # What was last seen of an entry that was changed here: it may still be so.
        self._seen: Bounded[bytes, tuple[int, Reply]] = Bounded(REMEMBERED)
        self._losses = node.losses

    def unsure(self, error: Exception) -> bool:
        """Tell whether the server may have acted: not if nothing was sent, nor if it refused."""
        return not isinstance(error, (NotConnected, Refused, MemcacheClientError))

    def epoch(self) -> int:
        """Return the epoch seen last."""
        return self._known or self.ask([])[0]

    def read(self, names: Sequence[bytes]) -> Found:
        """Return the epoch and what is stored under it."""
        epoch, found = 0, dict[bytes, bytes]()
        for some in parts(names):
            now, replies = self.ask([b"mg %b v" % key_of(name) for name in some])
            found = (found if now == epoch else {}) | self._found(some, replies, now)
            epoch = now
        return epoch, found

    def drop(self, names: Sequence[bytes]) -> Found:
        """Remove ``names``, and return what was there: each to one caller alone."""
        epoch, found = 0, dict[bytes, bytes]()
        for some in parts(names):
            keys = [key_of(name) for name in some]
            both = [b"mg %b v\r\nmd %b" % (key, key) for key in keys]
            now, replies = self.ask(both, 2 * len(keys))
            gone = [
                seen if done.status == b"HD" else done
                for seen, done in zip(replies[::2], replies[1::2], strict=True)
            ]
            found = (found if now == epoch else {}) | self._found(some, gone, now)
            epoch = now
        return epoch, found

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove ``names``."""
        for some in parts(names):
            self.ask([b"md %b" % key_of(name) for name in some])

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``; one that is too large stores none, and its old value goes."""
        self.fit(blobs)
        now = epoch
        for some in packets(blobs):
            commands = [self._set(key_of(name), blobs[name], epoch) for name in some]
            now, replies = self.ask(commands)
            self._stored(some, replies)
        if now != epoch:
            raise Moved

    def fit(self, blobs: Mapping[bytes, Blob]) -> None:
        """Raise ValueTooLarge if one is too large to be stored, and remove what it was to replace.

        An older value must not be taken for the one that could not be stored.
        """
        large = [name for name, blob in blobs.items() if self._too_large(blob)]
        if large:
            self.remove(large)
            raise self._large()

    def create(self, name: bytes, blob: Blob, epoch: int) -> tuple[int, bytes | None]:
        """Store where nothing live is; what was flushed makes room."""
        if self._too_large(blob):
            raise self._large()
        key, mode = key_of(name), b"ME"
        for _ in self._tries():
            commands = [self._set(key, blob, epoch, mode), b"mg %b v c" % key]
            now, (done, there) = self.ask(commands)
            if done.status == b"HD":
                return now, None
            self._refused(done)
            data = live(there, now)
            if data is not None:
                return now, data
            mode = b"C" + there.cas if there.status == b"VA" else b"ME"
        raise self._contended()

    def update(self, name: bytes, change: Change[T]) -> T:
        """Replace what is under ``name`` by compare and swap."""
        key = key_of(name)
        look = b"mg %b v c" % key
        if self._losses != self.node.losses:
            # A server that was restarted numbers its versions anew.
            self._seen.clear()
            self._losses = self.node.losses
        seen, sure = self._seen.get(name), False
        for _ in self._tries():
            if seen is None:
                epoch, (there,) = self.ask([look])
                seen, sure = (epoch, there), True
            epoch, there = seen
            wanted, result = change(live(there, epoch), epoch)
            if wanted is KEEP or (wanted is None and there.status != b"VA"):
                if sure:
                    return result
                seen = None
                continue
            now, (done, there) = self.ask([self._swap(key, wanted, seen), look])
            self._remember(name, now, there)
            # What was only remembered may have been flushed since.
            if done.status == b"HD" and (sure or now == epoch):
                return result
            self._refused(done)
            seen, sure = (now, there), True
        raise self._contended()

    def updates(self, changes: Mapping[bytes, Change[T]]) -> Mapping[bytes, T]:
        """Look at all in one packet and swap in another; what changed between is done by itself."""
        done = dict[bytes, T]()
        for some in parts(list(changes)):
            epoch, there = self.ask([b"mg %b v c" % key_of(name) for name in some])
            swaps = dict[bytes, bytes]()
            for name, reply in zip(some, there, strict=True):
                wanted, done[name] = changes[name](live(reply, epoch), epoch)
                if wanted is not KEEP and (wanted is not None or reply.status == b"VA"):
                    swaps[name] = self._swap(key_of(name), wanted, (epoch, reply))
            for few in packets({name: Blob(swap, None) for name, swap in swaps.items()}):
                replies = self.ask([swaps[name] for name in few])[1] if few else []
                for name, reply in zip(few, replies, strict=True):
                    self._refused(reply)
                    if reply.status != b"HD":
                        done[name] = self.update(name, changes[name])
        return done

    def clear(self) -> None:
        """Begin a new epoch; what was stored under the old one goes as the server needs room."""
        self._known = None
        fresh = fresh_epoch(flushed=True)
        store = b"ms %b 8 T0\r\n%b" % (self._epoch_key, fresh)
        done = self.ask([store])[1][0]
        self._refused(done)
        if done.status != b"HD":
            raise Refused("the epoch was not stored")

    def facts(self) -> Facts:
        """Return what the server tells of itself; of one alias it tells nothing."""
        told = self.node.talk(Wire.stats)
        return Facts(servers=(of_stats(self.node.name, told),))

    # -- commands ------------------------------------------------------------------------------

    def ask(self, commands: Sequence[bytes], count: int | None = None) -> tuple[int, list[Reply]]:
        """Send commands and return the epoch that stands behind them, and the replies."""
        replies = self.node.ask([*commands, self._ask_epoch], 1 + (count or len(commands)))
        last = replies.pop()
        if last.data is None:
            try:
                self._refused(last)
                epoch = self._begin()
            except (NotConnected, Refused) as error:
                # What came before it in the packet has been carried out.
                raise Unsettled(type(error).__name__) from error
        else:
            epoch = int.from_bytes(last.data, "big")
        self._known = epoch
        return epoch, replies

    def _begin(self) -> int:
        """Begin an epoch where there is none, or take the one that another began just now."""
        fresh = fresh_epoch(flushed=False)
        store = b"ms %b 8 T0 ME\r\n%b" % (self._epoch_key, fresh)
        done, there = self.node.ask([store, self._ask_epoch], 2)
        self._refused(done)
        if there.data is None:
            raise Refused("the epoch is lost as soon as it is stored")
        return int.from_bytes(there.data, "big")

    def _set(self, key: bytes, blob: Blob, epoch: int, mode: bytes = b"MS") -> bytes:
        size, ttl = 8 + len(blob.data), server_ttl(blob.expires)
        head = b"ms %b %d T%d %b\r\n" % (key, size, ttl, mode)
        return b"".join((head, epoch.to_bytes(8, "big"), blob.data))

    def _swap(self, key: bytes, wanted: Blob | None, seen: tuple[int, Reply]) -> bytes:
        epoch, there = seen
        if wanted is None:
            return b"md %b C%b" % (key, there.cas)
        if self._too_large(wanted):
            raise self._large()
        mode = b"C" + there.cas if there.status == b"VA" else b"ME"
        return self._set(key, wanted, epoch, mode)

    def _found(
        self, names: Sequence[bytes], replies: Sequence[Reply], epoch: int
    ) -> dict[bytes, bytes]:
        found, head = {}, epoch.to_bytes(8, "big")
        for name, reply in zip(names, replies, strict=True):
            data = reply.data
            if data is None:
                self._refused(reply)
            elif data.startswith(head):  # as ``live`` tells it
                found[name] = data[8:]
        return found

    def _remember(self, name: bytes, epoch: int, there: Reply) -> None:
        if there.data is not None and len(there.data) <= SMALL:
            self._seen.put(name, (epoch, there))
        else:
            self._seen.drop(name)

    # -- what goes wrong -----------------------------------------------------------------------

    def _stored(self, names: Sequence[bytes], replies: Sequence[Reply]) -> None:
        """See that all were stored; an older value of one that was not must not stay."""
        failed = [
            (name, reply)
            for name, reply in zip(names, replies, strict=True)
            if reply.status != b"HD"
        ]
        if failed:
            self.remove([name for name, _ in failed])
            for _, reply in failed:
                self._refused(reply)
            raise Refused("not stored")

    def _refused(self, reply: Reply) -> None:
        if reply.status == b"SERVER_ERROR":
            if b"too large" in reply.flags:
                raise self._large()
            raise Refused(reply.flags.decode("ascii", "replace"))

    def _too_large(self, blob: Blob) -> bool:
        largest = self.node.largest
        return largest is not None and len(blob.data) + len(self._epoch_key) + _ITEM > largest

    def _large(self) -> ValueTooLarge:
        limit = self.node.largest or "what this memcached allows"
        return ValueTooLarge(
            f"the value with its envelope is over {limit} bytes: see COMPRESSION in OPTIONS, and "
            "memcached's option -I"
        )

    def _tries(self) -> Iterator[None]:
        yield
        yield
        for _ in range(TRIES):
            run_now(BLOCKING.sleep(random.uniform(0, PAUSE)))  # noqa: S311 - a pause
            yield

    def _contended(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"others changed the entry {TRIES} times in a row; nothing was done, so try again"
        )
