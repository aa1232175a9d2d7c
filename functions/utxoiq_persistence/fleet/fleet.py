"""The figures of every instance of every function, collected in Redis. docs/decisions/0050-fleet-figures.md."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from utxoiq_persistence import background
from utxoiq_persistence.background import end
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.figures import InstanceFigures, PoolFigures, RequestFigures
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.redis.client import Redis, RedisError, ResponseError
from utxoiq_persistence.redis.pipelines import is_of_wrong_type
from utxoiq_persistence.redis.signing import SIGNATURE_BYTES, Signer

# An instance that has not published for this long counts as gone.
EXPIRE_SECONDS = 120
# One hash for all instances, so that the cost of reading grows with their number only.
KEY = "fleet"
# The last figures have no next round to be published in.
LAST_ATTEMPTS = 2
# The most bytes of one instance's figures, of its name, and of all that are read at once.
MAX_ENTRY_BYTES = 2**20
MAX_NAME_BYTES = 100
MAX_READ_BYTES = 64 * 2**20
# Returns names and entries in turns. What is longer than it can be is taken away unseen, so that nobody has to load it;
# where Redis refuses writes, it is left out only.
_READ = """
local found, entries, bytes = redis.call('HGETALL', KEYS[1]), {}, 0
for i = 1, #found, 2 do
    local name, entry = found[i], found[i + 1]
    if #name > tonumber(ARGV[1]) or #entry > tonumber(ARGV[2]) then
        redis.pcall('HDEL', KEYS[1], name)
    elseif bytes + #name + #entry <= tonumber(ARGV[3]) then
        bytes = bytes + #name + #entry
        entries[#entries + 1] = name
        entries[#entries + 1] = entry
    end
end
return entries
"""

_log = logging.getLogger(__name__)


class InstanceReporter:
    """Reports the figures of this instance."""

    def __init__(
        self,
        function: str,
        database: Database,
        replica: Database | None,
        cache: Cache,
        requests: dict[str, RequestFigures],
    ) -> None:
        self.name = uuid.uuid4().hex[:12]
        self._function = function
        self._started_at = time.time()
        self._database = database
        self._replica = replica
        self._cache = cache
        self._requests = requests

    def figures(self, *, ended: bool) -> bytes:
        """Return the present figures, encoded. Once the instance has ended, its pools count as empty."""
        pool = self._database.pool()
        replica = None if self._replica is None else self._replica.pool()
        if ended:
            pool = PoolFigures(timeouts=pool.timeouts)
            replica = None if replica is None else PoolFigures(timeouts=replica.timeouts)
        return msgspec.msgpack.encode(
            InstanceFigures(
                function=self._function,
                instance=self.name,
                started_at=self._started_at,
                published_at=time.time(),
                pool=pool,
                replica=replica,
                checkouts=self._database.checkouts,
                queries=self._database.queries,
                requests=self._requests,
                cache=self._cache.figures,
                ended=ended,
            )
        )


class Fleet:
    """The figures of all instances, which each writes to Redis and any can read.

    Attributes:
        reachable: Whether Redis answered when it was last asked.
    """

    def __init__(
        self,
        reporter: InstanceReporter,
        redis: "Redis",
        seconds: float,
        signer: Signer,
        keys: Mapping[str, bytes] | None = None,
    ) -> None:
        """Send nothing yet.

        Args:
            reporter: Tells this instance's figures.
            redis: The client.
            seconds: How often to publish.
            signer: Signs this function's figures.
            keys: Those by which each function's figures are known. None where all sign with the same one.
        """
        self.reachable = False
        self._signer = signer
        self._signers = (
            None if keys is None else {function: Signer(key, signer.forgeries) for function, key in keys.items()}
        )
        self._reporter = reporter
        self._redis = redis
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        # Instances whose entries could not be read, so that each is logged once.
        self._unreadable: set[bytes] = set()

    def start(self) -> None:
        """Begin to publish this instance's figures at regular intervals."""
        # Where Redis is away, the next round includes what was counted meanwhile.
        self._task = background.start("publishing this instance's figures", self.publish_own, self._seconds)

    async def close(self) -> None:
        """Stop publishing and leave this instance's last figures in Redis."""
        await end(self._task)
        for _ in range(LAST_ATTEMPTS):
            with contextlib.suppress(RedisError, OSError):
                await self._write(self._reporter.figures(ended=True))
                return

    async def read(self) -> list[InstanceFigures]:
        """Return this instance's present figures and the latest of all others; only its own if Redis is unreachable."""
        own = _decode(self._reporter.figures(ended=False))
        try:
            entries = await self._entries()
            entries.pop(own.instance.encode(), None)
            # In a thread, since decoding the figures of many instances would delay requests.
            others, gone, errors = await asyncio.to_thread(self._decode_entries, entries)
            # What is forged would be there, and be read, for good.
            gone += [name for name, error in errors.items() if isinstance(error, _Forged)]
            if gone:
                await self._redis.hdel(KEY, *gone)
        except (RedisError, OSError):
            self.reachable = False
            return [own]
        self._log_unreadable(errors)
        self.reachable = True  # Last, so that it belongs to these figures whatever else asked Redis meanwhile.
        return [own, *others]

    async def publish_own(self) -> None:
        """Write this instance's figures to Redis. Raises RedisError, OSError."""
        await self._write(self._reporter.figures(ended=False))

    async def _write(self, entry: bytes) -> None:
        signed = self._signer.sign(_place(self._reporter.name), entry)
        try:
            try:
                await self._redis.hset(KEY, self._reporter.name, signed)
            except ResponseError as error:
                if not is_of_wrong_type(error):
                    raise
                # Somebody has put something else there, and nothing of the fleet's is lost with it.
                self._signer.forgeries.count += 1
                await self._redis.delete(KEY)
                await self._redis.hset(KEY, self._reporter.name, signed)
        except (RedisError, OSError):
            self.reachable = False
            raise
        self.reachable = True

    async def _entries(self) -> dict[bytes, bytes]:
        """Return the entries by instance.

        A first failure is tried once more, since an idle connection may be older than the server.
        """
        limits = MAX_NAME_BYTES, MAX_ENTRY_BYTES, MAX_READ_BYTES
        try:
            found = await self._redis.eval(_READ, 1, KEY, *map(str, limits))
        except RedisError:
            found = await self._redis.eval(_READ, 1, KEY, *map(str, limits))
        return dict(zip(found[0::2], found[1::2], strict=True))

    def _decode_entries(
        self, entries: Mapping[bytes, bytes]
    ) -> tuple[list[InstanceFigures], list[bytes], dict[bytes, Exception]]:
        """Return the figures of living instances, the names of those that are gone, and errors by instance.

        During a deployment, entries of another version may not be readable.
        """
        figures: list[InstanceFigures] = []
        gone: list[bytes] = []
        errors: dict[bytes, Exception] = {}
        for name, entry in entries.items():
            try:
                stamp = _read_stamp(entry)
                if stamp.published_at < time.time() - EXPIRE_SECONDS:
                    gone.append(name)
                else:
                    figures.append(_decode(self._open(name, entry, stamp.function)))
            except (msgspec.MsgspecError, _Forged, _Unknown) as error:
                errors[name] = error
        return figures, gone, errors

    def _open(self, name: bytes, entry: bytes, function: str) -> bytes:
        """Return what an instance wrote. Raises _Forged and _Unknown."""
        signer = self._signer if self._signers is None else self._signers.get(function)
        if signer is None:
            raise _Unknown(f"the keys of {function} are not known here")
        content = signer.open(_place(name.decode(errors="replace")), entry)
        if content is None:
            raise _Forged(f"{function} has not signed them")
        return content

    def _log_unreadable(self, errors: Mapping[bytes, Exception]) -> None:
        for name in errors.keys() - self._unreadable:
            _log.warning("the figures of instance %s are left out: %s", name.decode(errors="replace"), errors[name])
        self._unreadable = set(errors)


class _Stamp(Struct):
    """The fields that entries of every version have."""

    function: str
    published_at: float


class _Forged(Exception):
    """An entry was not written by the function that it names."""


class _Unknown(Exception):
    """An entry is of a function whose key this process was not given: perhaps one that is deployed just now."""


def _place(name: str) -> str:
    return f"{KEY}:{name}"


def _decode(entry: bytes) -> InstanceFigures:
    return msgspec.msgpack.decode(entry, type=InstanceFigures)


def _read_stamp(entry: bytes) -> _Stamp:
    """Return what an entry says of itself, signed or of a version that did not sign. Raises MsgspecError."""
    try:
        return msgspec.msgpack.decode(entry[:-SIGNATURE_BYTES], type=_Stamp)
    except msgspec.MsgspecError:
        return msgspec.msgpack.decode(entry, type=_Stamp)
