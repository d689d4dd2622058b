"""What the routes have in common: where they ask, how they wait, how they answer."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event, Timer
from typing import Any, TypeVar, cast

import apsw
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from coterie.core.errors import CoterieError, DefinitionError, EngineError
from coterie.engine.engine import Interruptible
from coterie.live.desk import Desk
from coterie.live.egress import Egress
from coterie.live.keys import Keys
from coterie.live.log import Log
from coterie.server.guard import BODY
from coterie.server.problems import Problem, absent
from coterie.workspace.asking import Asking, Nobody, NothingRun
from coterie.workspace.overview import plain
from coterie.workspace.renewing import Renewal

T = TypeVar("T")
WAITED = 5.0
"""Seconds that `?wait=` waits at most where nothing else is said."""
LONGEST = 30.0
PATIENCE = 10.0
"""Seconds that a question about everybody may take."""
PAGE, LARGEST = 100, 1000
"""Items of a page where nothing is said, and at most."""
WAITING = 200
"""Questions that may wait for a thread."""
ID = 1000
"""Characters of an id, at most."""
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"application/problem+json": {}}}
    for code, text in (
        (400, "The request cannot be read."),
        (401, "No key was given, or none that counts."),
        (403, "The key may not do this."),
        (404, "Nothing is here."),
        (422, "What is asked means nothing here."),
        (429, "Too many requests: Retry-After says when to come again."),
        (503, "Not now: nothing has been run yet, or too much waits."),
    )
}


class Api:
    """The service, as routes see it.

    Args:
        asking: who answers.
        clock: the time now, naive UTC.
        desk: where changes go, and who has changed what; `egress`: the way out.
        random: random bytes, fit for secrets.
        renewal: how the project file stands to what is served.
        post: lets the thread that writes the log do something with it, in between.
    """

    def __init__(
        self,
        log: Log,
        asking: Asking,
        clock: Callable[[], datetime],
        keys: Keys,
        desk: Desk,
        egress: Egress,
        random: Callable[[int], bytes],
        renewal: Callable[[], Renewal],
        post: Callable[[Callable[[Log], None]], None],
    ):
        self.log, self.asking, self.clock, self.keys = log, asking, clock, keys
        self.desk, self.egress, self.random, self.renewal = desk, egress, random, renewal
        self.post = post
        self.patience = PATIENCE
        self.streams = 0
        self.ending = Event()
        self._one = ThreadPoolExecutor(1, "coterie-one")
        self._all = ThreadPoolExecutor(1, "coterie-all")
        self._notes = ThreadPoolExecutor(1, "coterie-notes")
        self._desk = ThreadPoolExecutor(2, "coterie-desk")
        self._waiting = 0

    def close(self) -> None:
        for pool in (self._one, self._all, self._desk):
            pool.shutdown(wait=False, cancel_futures=True)
        self._notes.shutdown(wait=True)

    async def of_one(self, ask: Callable[[], T]) -> T:
        """Ask about one customer, on a thread that may read files."""
        return await self._on(self._one, ask)

    async def of_all(self, ask: Callable[[], T]) -> T:
        """Ask about everybody, on a thread of its own: who asks about one customer does not wait for it. What takes too long
        is ended."""
        return await self._on(self._all, lambda: in_time(self.asking, ask, self.patience))

    async def of_desk(self, ask: Callable[[], T]) -> T:
        """Ask or change what the service keeps beside its log; may wait for a receiver."""
        return await self._on(self._desk, ask)

    async def of_log(self, do: Callable[[Log], T]) -> T:
        """Do something with the log, on the thread that writes it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def tell(found: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast("T", found))

        def job(log: Log) -> None:
            found: tuple[T | None, Exception | None]
            try:
                found = do(log), None
            except Exception as error:
                found = None, error
            loop.call_soon_threadsafe(tell, *found)

        self.post(job)
        try:
            return await asyncio.wait_for(future, LONGEST)
        except (TimeoutError, apsw.Error, CoterieError):
            raise Problem(503, "log", "the log cannot be written now", [(b"retry-after", b"5")]) from None

    def later(self, do: Callable[[], object]) -> None:
        """Do something nobody waits for, in the order in which it was asked for."""
        self._notes.submit(do)

    async def _on(self, pool: ThreadPoolExecutor, ask: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise Problem(503, "queue", "more is asked than can be answered", [(b"retry-after", b"1")])
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, ask)
        except Nobody:
            raise absent() from None
        except NothingRun as error:
            raise Problem(503, "nothing_run", error.message, [(b"retry-after", b"60")]) from None
        except DefinitionError as error:
            hint = {} if error.hint is None else {"hint": error.hint}
            raise Problem(422, error.code, error.message, None, **hint) from None
        except CoterieError as error:
            raise Problem(503, error.code, error.message, [(b"retry-after", b"5")]) from None
        finally:
            self._waiting -= 1

    async def applied(self, request: Request) -> int:
        """The position up to which everything is known, after the one that is waited for (`?wait=`, `?timeout=`).

        Raises:
            Problem: it was not reached in time.
        """
        asked = request.query_params.get("wait")
        if asked is None:
            return self.log.applied
        wait = whole(asked, "wait", 0, 2**63 - 1)
        seconds = min(LONGEST, number(request.query_params.get("timeout"), "timeout", WAITED))
        until = asyncio.get_running_loop().time() + seconds
        pause = 0.001
        while self.log.applied < wait:
            if asyncio.get_running_loop().time() >= until or self.ending.is_set():
                detail = f"position {wait:,} has not been applied within {seconds:g} s: it is at {self.log.applied:,}"
                raise Problem(504, "wait", detail, [(b"retry-after", b"1")], position=self.log.applied)
            await asyncio.sleep(pause)
            pause = min(0.02, pause * 1.5)
        return self.log.applied

    def stamped(self, position: int, as_of: datetime | None = None) -> dict[str, Any]:
        """What every answer carries."""
        return {"position": position, "as_of": instant(as_of or self.clock())}


def in_time(asking: Asking, ask: Callable[[], T], seconds: float) -> T:
    """Ask, and end the query where it takes longer.

    Raises:
        Problem: it took longer.
    """
    try:
        engine = asking.standing.results.engine
    except NothingRun:
        return ask()
    if not isinstance(engine, Interruptible):
        return ask()
    over = Event()

    def end() -> None:
        over.set()
        engine.interrupt()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        return ask()
    except EngineError:
        if over.is_set():
            raise Problem(422, "too_long", f"that takes longer than {seconds:g} seconds to find out") from None
        raise
    finally:
        timer.cancel()


def answered(value: Mapping[str, Any], status: int = 200) -> Response:
    """An answer of JSON that nobody else keeps."""
    body = orjson.dumps(value, default=plain, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, {"cache-control": "no-store", "x-content-type-options": "nosniff"}, "application/json")


def instant(at: datetime) -> str:
    return at.isoformat() + "Z"


def whole(text: str, name: str, least: int, most: int) -> int:
    """A whole number of a question.

    Raises:
        Problem: it is none, or out of its limits.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise Problem(400, "number", f"{name} is a whole number from {least:,} to {most:,}")
    return int(text)


def number(text: str | None, name: str, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1e6:
        raise Problem(400, "number", f"{name} is a number of seconds")
    return found


def limit_of(request: Request) -> int:
    """How many items a page has (`?limit=`)."""
    text = request.query_params.get("limit")
    return PAGE if text is None else whole(text, "limit", 1, LARGEST)


def id_of(text: str) -> str:
    """An id as somebody asks for it; what none can be is nobody's."""
    if not text or len(text) > ID or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in text):
        raise absent()
    return text


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a question brings.

    Raises:
        Problem: it is too large, or none.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY:
                raise Problem(413, "too_large", f"a question has {BODY:,} bytes at most")
            parts.append(part)
    except ClientDisconnect:
        raise Problem(400, "gone", "the question did not come to its end") from None
    try:
        found = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError as error:
        raise Problem(400, "json", f"the body is no JSON: {error.msg}") from None
    if not isinstance(found, dict):
        raise Problem(400, "json", "the body is a JSON object")
    return found


def parameters(*names: str) -> dict[str, Any]:
    """The parameters of a question, as its documentation has them."""
    known: dict[str, dict[str, Any]] = {
        "wait": {"description": "Answer when the log is applied up to this position.", "schema": {"type": "integer", "minimum": 0}},
        "timeout": {"description": "Wait so many seconds at most.", "schema": {"type": "number", "minimum": 0, "maximum": LONGEST}},
        "limit": {"description": "Items of a page.", "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST}},
        "cursor": {"description": "Where the next page begins, as the page before says.", "schema": {"type": "string"}},
        "after": {"description": "The number of the last change that is known.", "schema": {"type": "integer", "minimum": 0}},
        "name": {"description": "Of this segment or segmentation only.", "schema": {"type": "string"}},
        "customer": {"description": "Of this customer only.", "schema": {"type": "string"}},
        "id": {"description": "Any id of the customer.", "required": True, "schema": {"type": "string"}},
    }
    return {"parameters": [{"name": n, "in": "query", **known[n]} for n in names]}


def asks(schema: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What a question brings, as its documentation has it."""
    return {**parameters(*names), "requestBody": {"required": True, "content": {"application/json": {"schema": dict(schema)}}}}
