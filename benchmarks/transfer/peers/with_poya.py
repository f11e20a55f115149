"""poya's engine: whole md5 in order, parts checked, etags read back."""

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
    file = file_of(work, key)
    match work.operation:
        case "copy":
            return transfer.Job(key, from_object, to_object)
        case "down":
            return transfer.Job(key, from_object, transfer.FileTarget(file))
        case _:
            return transfer.Job(key, transfer.FileSource(file), to_object)


def _store(site: str, end: End) -> transfer.S3Store:
    keys = transfer.Credentials(end.access_key, end.secret_key)
    return transfer.S3Store(transfer.S3Config(site, end.url, Path(end.ca)), lambda: keys)


if __name__ == "__main__":
    main()
