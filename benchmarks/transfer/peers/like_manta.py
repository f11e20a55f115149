"""The structure of manta's transfer, re-created with boto3; no line of manta itself runs.

Down: one GET stream to a file. Then an md5 pass over the file. Up: parts of 5 MiB, one by one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from benchmarks.transfer.peers.with_boto3 import client
from benchmarks.transfer.work import BUCKET, file_of, read_work

_PART_BYTES = 5 * 1024 * 1024
_MD5_BYTES = 100 * 1000 * 1000


def main() -> None:
    work = read_work()
    for key in work.keys:
        file = file_of(work, key)
        if work.operation in ("copy", "down"):
            down(client(work.source, work), key, file)
        if work.operation in ("copy", "up"):
            print(key, md5_pass(file))
            up(client(work.target, work), key, file)


def down(s3: Any, key: str, file: Path) -> None:
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"]
    with file.open("wb") as out:
        for chunk in body.iter_chunks(64 * 1024):
            out.write(chunk)


def md5_pass(file: Path) -> str:
    digest = hashlib.md5()
    with file.open("rb") as data:
        while chunk := data.read(_MD5_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def up(s3: Any, key: str, file: Path) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    parts: list[dict[str, Any]] = []
    with file.open("rb") as data:
        while chunk := data.read(_PART_BYTES):
            number = len(parts) + 1
            answer = s3.upload_part(
                Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=chunk
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )


if __name__ == "__main__":
    main()
