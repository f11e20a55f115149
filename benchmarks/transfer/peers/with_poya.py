"""poya's engine as it is used: what the source's manifest or the bundle's index says is proven.

A copy is proven by the md5 of the whole and by the equal etag, which the target's store computed;
a download by the md5 of the whole; an upload by the equal etag.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.transfer.work import BUCKET, End, Work, file_of, read_work
from poya import transfer


def main() -> None:
    work = read_work()
    source, target = _store("source", work.source), _store("target", work.target)
    jobs = [_job(work, key, source, target) for key in work.keys]
    results = transfer.copy(jobs)
    for result in results:
        assert result.md5
        print(result)


def _job(work: Work, key: str, source: transfer.S3Store, target: transfer.S3Store) -> transfer.Job:
    place = transfer.ObjectPlace(BUCKET, key)
    from_object, to_object = (
        transfer.ObjectSource(source, place),
        transfer.ObjectTarget(target, place),
    )
    file, known = file_of(work, key), work.known[key]
    manifest = transfer.Expected(known.size_bytes, known.md5)
    match work.operation:
        case "copy":
            return transfer.Job(key, from_object, to_object, manifest)
        case "down":
            return transfer.Job(key, from_object, transfer.FileTarget(file), manifest)
        case _:
            from_file = transfer.FileSource(file, known.part_size_bytes)
            index = transfer.Expected(known.size_bytes, known.md5, known.etag)
            return transfer.Job(key, from_file, to_object, index)


def _store(site: str, end: End) -> transfer.S3Store:
    keys = transfer.Credentials(end.access_key, end.secret_key)
    return transfer.S3Store(transfer.S3Config(site, end.url, Path(end.ca)), lambda: keys)


if __name__ == "__main__":
    main()
