"""The two servers that bench_live compares, each as a process: python -m benchmarks.live_server ours|plain FOLDER.

`plain` is what one writes in an afternoon: FastAPI, a pydantic model, SQLite with `synchronous=FULL`, one commit a request.
"""

import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEY = "key"


def clock() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def ours(folder: Path) -> None:
    from coterie.live.keys import Keys
    from coterie.live.log import Log
    from coterie.live.writer import Limits
    from coterie.server.app import Parts
    from coterie.server.run import bound, run

    keys = Keys(folder)
    key = keys.make("ingest", "bench", clock(), os.urandom)
    listening = bound("127.0.0.1", 0)
    with Log.open(folder, clock) as log:
        parts = Parts(log, keys, clock, os.urandom, limits=Limits(room=0))
        run(parts, listening, started=lambda: print(listening.getsockname()[1], key, flush=True))


def plain(folder: Path) -> None:
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    from coterie.server.run import bound

    class Item(BaseModel):
        type: str
        messageId: str
        event: str | None = None
        userId: str | None = None
        anonymousId: str | None = None
        timestamp: datetime | None = None
        properties: dict[str, Any] = {}
        context: dict[str, Any] = {}
        integrations: dict[str, Any] = {}

    class Batch(BaseModel):
        batch: list[Item]
        sentAt: datetime
        writeKey: str

    folder.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(folder / "plain.sqlite", check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE events (id TEXT PRIMARY KEY, received TEXT, body TEXT)")
    app = FastAPI()

    @app.post("/v1/batch")
    async def batch(body: Batch) -> dict[str, bool]:
        now = clock().isoformat()
        db.execute("BEGIN")
        db.executemany(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?)", [(i.messageId, now, i.model_dump_json()) for i in body.batch]
        )
        db.execute("COMMIT")
        return {"success": True}

    listening = bound("127.0.0.1", 0)
    print(listening.getsockname()[1], KEY, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


if __name__ == "__main__":
    {"ours": ours, "plain": plain}[sys.argv[1]](Path(sys.argv[2]))
