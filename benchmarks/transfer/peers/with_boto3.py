"""boto3: its own transfer manager for files; threads with ranged GET and UploadPart for a copy."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from benchmarks.transfer.work import BUCKET, End, Work, file_of, read_work


def main() -> None:
    work = read_work()
    if work.operation == "copy":
        source, target = client(work.source, work), client(work.target, work)
        for key in work.keys:
            print(key, copy(source, target, key, work))
        return
    s3 = client(work.end, work)
    config = TransferConfig(
        multipart_threshold=work.part_bytes,
        multipart_chunksize=work.part_bytes,
        max_concurrency=work.streams,
    )
    for key in work.keys:
        if work.operation == "down":
            s3.download_file(BUCKET, key, str(file_of(work, key)), Config=config)
        else:
            s3.upload_file(str(file_of(work, key)), BUCKET, key, Config=config)


def client(end: End, work: Work) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=end.url,
        aws_access_key_id=end.access_key,
        aws_secret_access_key=end.secret_key,
        region_name="us-east-1",
        verify=end.ca,
        config=Config(
            max_pool_connections=2 * work.streams,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def copy(source: Any, target: Any, key: str, work: Work) -> str:
    """Each worker reads a range and writes a part; the main thread hashes the whole in order."""
    size = source.head_object(Bucket=BUCKET, Key=key)["ContentLength"]
    upload = target.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]

    def move(number: int) -> tuple[bytes, dict[str, Any]]:
        start = (number - 1) * work.part_bytes
        end = min(start + work.part_bytes, size) - 1
        data = source.get_object(Bucket=BUCKET, Key=key, Range=f"bytes={start}-{end}")[
            "Body"
        ].read()
        answer = target.upload_part(
            Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=data
        )
        return data, {"PartNumber": number, "ETag": answer["ETag"]}

    whole, parts = hashlib.md5(), []
    with ThreadPoolExecutor(work.streams) as pool:
        waiting = []
        for number in range(1, -(-size // work.part_bytes) + 1):
            waiting.append(pool.submit(move, number))
            if len(waiting) >= 2 * work.streams:
                data, part = waiting.pop(0).result()
                whole.update(data)
                parts.append(part)
        for future in waiting:
            data, part = future.result()
            whole.update(data)
            parts.append(part)
    target.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )
    return whole.hexdigest()


if __name__ == "__main__":
    main()
