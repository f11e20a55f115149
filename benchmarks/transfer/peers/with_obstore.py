"""obstore (object_store in Rust): ranges in parallel, hashed in order, multipart put."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from benchmarks.transfer.work import BUCKET, End, Work, file_of, read_work


async def main() -> None:
    work = read_work()
    for key in work.keys:
        match work.operation:
            case "copy":
                await copy(work, key)
            case "down":
                await down(work, key)
            case _:
                with file_of(work, key).open("rb") as data:
                    await put(work, key, data)


def store(end: End) -> Any:
    return S3Store(
        BUCKET,
        endpoint=end.url,
        access_key_id=end.access_key,
        secret_access_key=end.secret_key,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"root_certificate": Path(end.ca).read_bytes(), "timeout": "300s"},
    )


async def ranges(work: Work, key: str) -> AsyncIterator[Any]:
    """The object's ranges in order, some of them in flight."""
    source = store(work.source)
    size = (await obstore.head_async(source, key))["size"]
    waiting: list[asyncio.Task[Any]] = []
    for start in range(0, size, work.part_bytes):
        length = min(work.part_bytes, size - start)
        waiting.append(
            asyncio.ensure_future(obstore.get_range_async(source, key, start=start, length=length))
        )
        if len(waiting) >= work.streams:
            yield await waiting.pop(0)
    for task in waiting:
        yield await task


async def copy(work: Work, key: str) -> None:
    whole = hashlib.md5()

    async def hashed() -> AsyncIterator[Any]:
        async for data in ranges(work, key):
            await asyncio.to_thread(whole.update, data)
            yield data

    await put(work, key, hashed())
    print(key, whole.hexdigest())


async def down(work: Work, key: str) -> None:
    with file_of(work, key).open("wb") as out:
        async for data in ranges(work, key):
            await asyncio.to_thread(out.write, data)


async def put(work: Work, key: str, data: Any) -> None:
    await obstore.put_async(
        store(work.target),
        key,
        data,
        use_multipart=True,
        chunk_size=work.part_bytes,
        max_concurrency=work.streams,
    )


if __name__ == "__main__":
    asyncio.run(main())
