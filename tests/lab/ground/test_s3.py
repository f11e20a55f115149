# SPDX-License-Identifier: Apache-2.0
"""The object store answers as Ceph RGW 16.2.15 does, over real HTTPS."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab.ground.conftest import Store, serve

BUCKET = "boot-images"
MIB = 1024 * 1024
PART = 5 * MIB


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def upload(s3: Any, key: str, parts: list[bytes]) -> tuple[str, list[dict[str, Any]]]:
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    listed = []
    for number, body in enumerate(parts, 1):
        answer = s3.upload_part(
            Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=body
        )
        listed.append({"PartNumber": number, "ETag": answer["ETag"]})
    return upload_id, listed


def complete(s3: Any, key: str, upload_id: str, parts: list[dict[str, Any]], **more: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def test_the_buckets_of_csm_are_there_beforehand(s3: Any) -> None:
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert names == ["boot-images", "config-data", "ims"]


def test_keeps_bytes_metadata_and_type_of_an_object_with_an_awkward_name(s3: Any) -> None:
    key = "a b/ü+x~(1)%41.txt"
    s3.put_object(
        Bucket=BUCKET, Key=key, Body=b"hello", Metadata={"md5sum": "m"}, ContentType="text/plain"
    )
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == b"hello"
    assert found["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (found["Metadata"], found["ContentType"]) == ({"md5sum": "m"}, "text/plain")
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 5
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="a b/")["Contents"]
    assert [(one["Key"], one["Size"]) for one in listed] == [(key, 5)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"aws_secret_access_key": "wrong"}, (403, "SignatureDoesNotMatch")),
        ({"aws_access_key_id": "AAAAAAAAAAAAAAAAAAAA"}, (403, "InvalidAccessKeyId")),
        ({"aws_access_key_id": "no such"}, (403, "InvalidAccessKeyId")),
        ({"aws_session_token": None}, (403, "AccessDenied")),
        ({"aws_session_token": "wrong"}, (403, "InvalidAccessKeyId")),
    ],
)
def test_refuses_credentials_that_are_not_its_own(
    store: Store, changed: dict[str, str | None], expected: tuple[int, str]
) -> None:
    client = store.client(changed=changed)
    with pytest.raises(ClientError) as error:
        client.list_buckets()
    assert code_of(error) == expected
    client.close()


def test_refuses_credentials_that_have_expired(store: Store) -> None:
    client = store.client(store.objects.issue_credentials(0))
    with pytest.raises(ClientError) as error:
        client.list_buckets()
    assert code_of(error) == (403, "ExpiredToken")
    client.close()


def test_refuses_anonymous_requests(store: Store) -> None:
    context = ssl.create_default_context(cafile=store.ca)
    with pytest.raises(urllib.error.HTTPError, match="403") as error:
        urllib.request.urlopen(f"{store.url}/{BUCKET}/x", context=context)
    assert b"AccessDenied" in error.value.read()


def test_refuses_a_wrong_content_md5_and_stores_nothing(s3: Any) -> None:
    wrong = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="bad", Body=b"x", ContentMD5=wrong)
    assert code_of(error) == (400, "BadDigest")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=BUCKET, Key="bad")


def test_refuses_bytes_that_are_not_those_that_were_signed(store: Store) -> None:
    issued = store.objects.issue_credentials(60)
    request = AWSRequest("PUT", f"{store.url}/{BUCKET}/signed", data=b"signed")
    secret = (issued.access_key_id, issued.secret_access_key, issued.session_token)
    S3SigV4Auth(Credentials(*secret), "s3", "us-east-1").add_auth(request)
    sent = urllib.request.Request(
        request.url, b"others", dict(request.headers.items()), method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(sent, context=ssl.create_default_context(cafile=store.ca))
    assert error.value.code == 400
    assert b"XAmzContentSHA256Mismatch" in error.value.read()


def test_ignores_wrong_checksums_and_returns_none(s3: Any) -> None:
    """Ceph RGW 16: `x-amz-checksum-*` is neither checked nor answered."""
    put = s3.put_object(Bucket=BUCKET, Key="sum", Body=b"x", ChecksumSHA256="AAAA")
    got = s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"x"
    assert not [name for name in (*put, *got) if name.startswith("Checksum")]


def test_takes_a_body_in_aws_chunks(s3: Any) -> None:
    body = os.urandom(300_000)
    s3.put_object(Bucket=BUCKET, Key="stream", Body=io.BufferedReader(io.BytesIO(body)))
    assert s3.get_object(Bucket=BUCKET, Key="stream")["Body"].read() == body


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("0-3", b"0123"), ("4-", b"456789"), ("-3", b"789"), ("8-100", b"89"), ("9-9", b"9")],
)
def test_answers_ranges(s3: Any, asked: str, expected: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    found = s3.get_object(Bucket=BUCKET, Key="digits", Range=f"bytes={asked}")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert found["ContentRange"].endswith("/10")
    assert found["Body"].read() == expected


def test_refuses_a_range_beyond_the_end(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=BUCKET, Key="digits", Range="bytes=10-")
    assert code_of(error) == (416, "InvalidRange")


def test_objects_belong_to_the_user_of_sts(s3: Any) -> None:
    """cray-sts: objects that its credentials made have the owner "STS"."""
    s3.put_object(Bucket=BUCKET, Key="owned", Body=b"x")
    (listed,) = s3.list_objects(Bucket=BUCKET, Prefix="owned")["Contents"]
    assert listed["Owner"] == {"ID": "STS", "DisplayName": "STS"}
    assert s3.get_object_acl(Bucket=BUCKET, Key="owned")["Owner"]["ID"] == "STS"


def test_tells_what_is_missing(s3: Any) -> None:
    with pytest.raises(ClientError) as no_key:
        s3.get_object(Bucket=BUCKET, Key="nothing")
    with pytest.raises(ClientError) as no_bucket:
        s3.get_object(Bucket="nothing", Key="nothing")
    assert code_of(no_key) == (404, "NoSuchKey")
    assert code_of(no_bucket) == (404, "NoSuchBucket")


def test_conditions_of_reads_and_writes_are_checked(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="cond", Body=b"1")["ETag"]
    with pytest.raises(ClientError) as claimed:
        s3.put_object(Bucket=BUCKET, Key="cond", Body=b"2", IfNoneMatch="*")
    with pytest.raises(ClientError) as other:
        s3.get_object(Bucket=BUCKET, Key="cond", IfMatch='"other"')
    assert code_of(claimed) == code_of(other) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=BUCKET, Key="cond", IfMatch=etag.strip('"'))["Body"].read() == b"1"


def test_completion_answers_an_empty_etag_once(s3: Any) -> None:
    """Ceph RGW 16.2.15: the first CompleteMultipartUpload answers no ETag, a repetition does."""
    bodies = [os.urandom(PART), os.urandom(100)]
    upload_id, parts = upload(s3, "twice", bodies)
    md5s = b"".join(hashlib.md5(body).digest() for body in bodies)
    expected = f'"{hashlib.md5(md5s).hexdigest()}-2"'
    assert complete(s3, "twice", upload_id, parts).get("ETag", "") == ""
    assert complete(s3, "twice", upload_id, parts)["ETag"].strip('"') == expected.strip('"')
    assert s3.head_object(Bucket=BUCKET, Key="twice")["ETag"] == expected
    assert s3.get_object(Bucket=BUCKET, Key="twice")["Body"].read() == b"".join(bodies)


def test_completion_overwrites_whatever_if_none_match_says(s3: Any) -> None:
    """Ceph RGW 16.2.15 ignores If-None-Match of CompleteMultipartUpload."""
    s3.put_object(Bucket=BUCKET, Key="over", Body=b"old")
    upload_id, parts = upload(s3, "over", [b"new"])
    complete(s3, "over", upload_id, parts, IfNoneMatch="*")
    assert s3.get_object(Bucket=BUCKET, Key="over")["Body"].read() == b"new"


def test_part_numbers_of_reads_are_ignored(s3: Any) -> None:
    upload_id, parts = upload(s3, "numbered", [os.urandom(PART), b"tail"])
    complete(s3, "numbered", upload_id, parts)
    head = s3.head_object(Bucket=BUCKET, Key="numbered", PartNumber=1)
    got = s3.get_object(Bucket=BUCKET, Key="numbered", PartNumber=2)
    assert head["ContentLength"] == got["ContentLength"] == PART + 4
    assert "PartsCount" not in head
    got["Body"].close()


def test_uploads_and_parts_are_listed_and_aborted(s3: Any) -> None:
    upload_id, parts = upload(s3, "listed", [b"one", b"two"])
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert (upload_id, "listed") in [(one["UploadId"], one["Key"]) for one in uploads]
    found = s3.list_parts(Bucket=BUCKET, Key="listed", UploadId=upload_id)["Parts"]
    assert [(one["PartNumber"], one["Size"], one["ETag"]) for one in found] == [
        (part["PartNumber"], 3, part["ETag"]) for part in parts
    ]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="listed", UploadId=upload_id)
    with pytest.raises(ClientError) as error:
        s3.upload_part(Bucket=BUCKET, Key="listed", UploadId=upload_id, PartNumber=3, Body=b"x")
    assert code_of(error) == (404, "NoSuchUpload")


def test_refuses_parts_that_are_small_wrong_or_not_all_there(s3: Any) -> None:
    upload_id, parts = upload(s3, "parts", [b"small", b"two"])
    wrong = [parts[0], {"PartNumber": 2, "ETag": '"' + "0" * 32 + '"'}]
    big_id, big = upload(s3, "big", [os.urandom(PART), b"two", b"three"])
    cases = [
        ("EntityTooSmall", "parts", upload_id, parts),
        ("EntityTooSmall", "parts", upload_id, wrong),
        ("InvalidPart", "parts", upload_id, wrong[1:]),
        ("InvalidPart", "big", big_id, big[:2]),
        ("MalformedXML", "big", big_id, []),
    ]
    for expected, key, number, chosen in cases:
        with pytest.raises(ClientError) as error:
            complete(s3, key, number, chosen)
        assert code_of(error) == (400, expected)


def test_the_order_of_named_parts_does_not_matter(s3: Any) -> None:
    """Ceph RGW 16.2.15 sorts them, and takes one that is named twice once."""
    bodies = [os.urandom(PART), b"tail"]
    upload_id, parts = upload(s3, "sorted", bodies)
    complete(s3, "sorted", upload_id, [*parts[::-1], parts[0]])
    assert s3.get_object(Bucket=BUCKET, Key="sorted")["Body"].read() == b"".join(bodies)


def test_parts_have_any_number_and_uploads_ids_of_one_form(s3: Any) -> None:
    """RGW 16: `2~` and 31 characters; numbers above 10,000 are taken, listed and completed."""
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key="far")["UploadId"]
    assert re.fullmatch(r"2~[\w-]{31}", upload_id)
    where = {"Bucket": BUCKET, "Key": "far", "UploadId": upload_id}
    sizes = {9_999: 5 * MIB, 10_001: 5 * MIB, 20_000: 7}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=b"x" * size)["ETag"]}
        for n, size in sizes.items()
    ]
    listed = s3.list_parts(**where)["Parts"]
    assert {part["PartNumber"]: part["Size"] for part in listed} == sizes
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=BUCKET, Key="far")["ContentLength"] == sum(sizes.values())
    s3.delete_object(Bucket=BUCKET, Key="far")


def test_a_bucket_tells_what_is_in_it(s3: Any) -> None:
    """RGW 16, HEAD: objects and parts under way, and quotas (-1: none)."""
    s3.create_bucket(Bucket="told")

    def told() -> list[str]:
        headers = s3.head_bucket(Bucket="told")["ResponseMetadata"]["HTTPHeaders"]
        names = ("object-count", "bytes-used", "quota-bucket-size")
        return [headers[f"x-rgw-{name}"] for name in names]

    assert told() == ["0", "0", "-1"]
    s3.put_object(Bucket="told", Key="k", Body=b"four")
    upload = s3.create_multipart_upload(Bucket="told", Key="u")["UploadId"]
    where = {"Bucket": "told", "Key": "u", "UploadId": upload}
    s3.upload_part(**where, PartNumber=1, Body=b"seven..")
    assert told() == ["2", "11", "-1"]
    s3.abort_multipart_upload(**where)
    s3.delete_object(Bucket="told", Key="k")


def test_a_bucket_is_of_its_zone_group(s3: Any) -> None:
    """RGW 16: the place is called default; making one's own bucket again is no fault."""
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "default"
    s3.create_bucket(Bucket=BUCKET)
    for place, made in (("default", True), ("mars", False)):
        wanted: dict[str, Any] = {"Bucket": f"in-{place}"}
        wanted["CreateBucketConfiguration"] = {"LocationConstraint": place}
        if made:
            s3.create_bucket(**wanted)
        else:
            with pytest.raises(ClientError, match="InvalidLocationConstraint"):
                s3.create_bucket(**wanted)


def test_deletions_are_told_in_no_order(s3: Any) -> None:
    """RGW 16: each is told, what was not there too."""
    keys = [f"gone/{number}" for number in range(20)]
    for key in keys[::2]:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    asked = {"Objects": [{"Key": key} for key in keys]}
    told = [one["Key"] for one in s3.delete_objects(Bucket=BUCKET, Delete=asked)["Deleted"]]
    assert sorted(told) == sorted(keys)
    assert told != keys


def test_a_completion_is_remembered_by_its_object_only(s3: Any) -> None:
    """Ceph RGW 16.2.15: an upload that it does not know is a 500 unless the object is its own."""
    upload_id, parts = upload(s3, "gone", [b"one"])
    complete(s3, "gone", upload_id, parts)
    assert complete(s3, "gone", upload_id, parts)["ETag"].endswith("-1")
    s3.put_object(Bucket=BUCKET, Key="gone", Body=b"another")
    for number in (upload_id, "never-was"):
        with pytest.raises(ClientError) as error:
            complete(s3, "gone", number, parts)
        assert code_of(error) == (500, "InternalError")
    with pytest.raises(ClientError) as listed:
        s3.list_parts(Bucket=BUCKET, Key="gone", UploadId=upload_id)
    assert code_of(listed) == (404, "NoSuchKey")
    with pytest.raises(ClientError) as aborted:
        s3.abort_multipart_upload(Bucket=BUCKET, Key="gone", UploadId=upload_id)
    assert code_of(aborted) == (404, "NoSuchUpload")


def test_refuses_checksums_behind_a_body(trailing_s3: Any) -> None:
    """Ceph RGW 16.2.15: what newer AWS clients send over TLS by themselves is a 411."""
    with pytest.raises(ClientError) as error:
        trailing_s3.put_object(Bucket=BUCKET, Key="trailing", Body=b"x")
    assert code_of(error) == (411, "MissingContentLength")


def test_quoted_etags_in_conditions_of_writes_match_nothing(s3: Any) -> None:
    """Ceph RGW 16.2.15 takes the quotes off for reads only."""
    quoted = s3.put_object(Bucket=BUCKET, Key="quoted", Body=b"1")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="quoted", Body=b"2", IfMatch=quoted)
    assert code_of(error) == (412, "PreconditionFailed")
    s3.put_object(Bucket=BUCKET, Key="quoted", Body=b"3", IfMatch=quoted.strip('"'))
    now = s3.head_object(Bucket=BUCKET, Key="quoted")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="quoted", Body=b"4", IfNoneMatch=now)
    assert s3.get_object(Bucket=BUCKET, Key="quoted")["Body"].read() == b"4"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=-0", b"0123456789"),
        ("bytes=0-1,4-5", b"01"),
        ("lines=2-3", b"0123456789"),
        ("bytes=-99", b"0123456789"),
    ],
)
def test_reads_odd_ranges_in_its_own_way(s3: Any, asked: str, expected: bytes) -> None:
    """Ceph RGW 16.2.15: the first range only, and everything for what it does not understand."""
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    found = s3.get_object(Bucket=BUCKET, Key="digits", Range=asked)
    assert found["Body"].read() == expected


def test_refuses_ranges_of_copies_beyond_the_end(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    upload_id, _ = upload(s3, "beyond", [])
    with pytest.raises(ClientError) as error:
        s3.upload_part_copy(
            **{"Bucket": BUCKET, "Key": "beyond", "UploadId": upload_id, "PartNumber": 1},
            CopySource=f"{BUCKET}/digits",
            CopySourceRange="bytes=5-10",
        )
    assert code_of(error) == (416, "InvalidRange")


def test_lists_go_on_after_a_name(s3: Any) -> None:
    """Ceph RGW 16.2.15: the token of the next page is the last name of this one."""
    for name in ("page/a", "page/b/1", "page/b/2", "page/c"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    query = {"Bucket": BUCKET, "Prefix": "page/", "Delimiter": "/", "MaxKeys": 2}
    first = s3.list_objects_v2(**query)
    assert (first["IsTruncated"], first["NextContinuationToken"]) == (True, "page/b/")
    second = s3.list_objects_v2(**query, ContinuationToken="page/b/")
    assert [one["Key"] for one in second["Contents"]] == ["page/c"]
    assert "CommonPrefixes" not in second
    old = s3.list_objects(Bucket=BUCKET, Prefix="page/", MaxKeys=1)
    assert old["NextMarker"] == "page/a"


def test_errors_name_the_bucket(s3: Any) -> None:
    """Ceph RGW 16: code, bucket, request; no message."""
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=BUCKET, Key="nothing")
    told = error.value.response["Error"]
    assert (told["Code"], told["BucketName"], told.get("Message")) == ("NoSuchKey", BUCKET, None)
    assert error.value.response["ResponseMetadata"]["RequestId"].startswith("tx")


def test_refuses_names_that_are_too_long_and_digests_that_are_none(s3: Any) -> None:
    with pytest.raises(ClientError) as name:
        s3.put_object(Bucket=BUCKET, Key="k" * 1025, Body=b"x")
    with pytest.raises(ClientError) as digest:
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", ContentMD5="AAAA")
    assert code_of(name) == (400, "InvalidObjectName")
    assert code_of(digest) == (400, "InvalidDigest")


def test_a_part_that_is_sent_again_replaces_the_first(s3: Any) -> None:
    upload_id, _ = upload(s3, "again", [b"first"])
    second = s3.upload_part(
        Bucket=BUCKET, Key="again", UploadId=upload_id, PartNumber=1, Body=b"second"
    )
    complete(s3, "again", upload_id, [{"PartNumber": 1, "ETag": second["ETag"]}])
    assert s3.get_object(Bucket=BUCKET, Key="again")["Body"].read() == b"second"


def test_copies_by_object_and_by_range_with_bare_etags(s3: Any) -> None:
    """Ceph RGW 16: the ETags of copies come without quotes."""
    body = os.urandom(PART + 10)
    s3.put_object(Bucket=BUCKET, Key="from", Body=body, Metadata={"a": "b"})
    copied = s3.copy_object(Bucket="ims", Key="to", CopySource=f"{BUCKET}/from")
    assert copied["CopyObjectResult"]["ETag"] == hashlib.md5(body).hexdigest()
    assert s3.head_object(Bucket="ims", Key="to")["Metadata"] == {"a": "b"}
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key="ranged")["UploadId"]
    part = s3.upload_part_copy(
        Bucket=BUCKET,
        Key="ranged",
        UploadId=upload_id,
        PartNumber=1,
        CopySource="ims/to",
        CopySourceRange=f"bytes=3-{PART}",
    )["CopyPartResult"]
    assert part["ETag"] == hashlib.md5(body[3 : PART + 1]).hexdigest()
    s3.delete_object(Bucket=BUCKET, Key="from")
    complete(s3, "ranged", upload_id, [{"PartNumber": 1, "ETag": part["ETag"]}])
    assert s3.get_object(Bucket=BUCKET, Key="ranged")["Body"].read() == body[3 : PART + 1]


def test_object_attributes_fail(s3: Any) -> None:
    """Ceph RGW 16: GetObjectAttributes answers 500."""
    s3.put_object(Bucket=BUCKET, Key="attributes", Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.get_object_attributes(Bucket=BUCKET, Key="attributes", ObjectAttributes=["ETag"])
    assert code_of(error)[0] == 500


def test_presigned_addresses_work_until_altered_or_expired(store: Store, s3: Any) -> None:
    context = ssl.create_default_context(cafile=store.ca)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "pre signed"})
    urllib.request.urlopen(
        urllib.request.Request(put, b"presigned", method="PUT"), context=context
    ).close()
    wanted = {"Bucket": BUCKET, "Key": "pre signed"}
    get = s3.generate_presigned_url("get_object", Params=wanted)
    with urllib.request.urlopen(get, context=context) as answer:
        assert answer.read() == b"presigned"
    with pytest.raises(urllib.error.HTTPError) as altered:
        urllib.request.urlopen(get.replace("signed?", "altered?"), context=context)
    assert b"SignatureDoesNotMatch" in altered.value.read()
    short = s3.generate_presigned_url("get_object", Params=wanted, ExpiresIn=1)
    time.sleep(1.6)
    with pytest.raises(urllib.error.HTTPError) as expired:
        urllib.request.urlopen(short, context=context)
    assert b"expired" in expired.value.read()


def test_connections_that_say_nothing_keep_nobody_waiting(store: Store, s3: Any) -> None:
    port = int(store.url.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    started = time.monotonic()
    client = store.client()
    client.list_buckets()
    assert time.monotonic() - started < 3
    client.close()
    for one in silent:
        one.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"PUT /ims/x HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", b" 400 "),
        (b"PUT /ims/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz", b" 403 "),
        (b"GET /%ff%fe/%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", b" 403 "),
        (b"GET / HTTP/1.1\r\nAuthorization: AWS a:b\r\nConnection: close\r\n\r\n", b" 400 "),
        (b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", b" 501 "),
    ],
)
def test_malformed_requests_are_answered_and_cut_off(
    store: Store, sent: bytes, status: bytes
) -> None:
    context = ssl.create_default_context(cafile=store.ca)
    port = int(store.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert status in answer.partition(b"\r\n")[0]


def test_a_refused_upload_leaves_the_connection_usable(s3: Any) -> None:
    for _ in range(3):
        with pytest.raises(ClientError):
            s3.put_object(Bucket="nothing", Key="x", Body=os.urandom(MIB))
        s3.put_object(Bucket=BUCKET, Key="after", Body=b"fine")
    assert s3.get_object(Bucket=BUCKET, Key="after")["Body"].read() == b"fine"


def test_a_download_outlives_the_deletion_of_its_object(s3: Any) -> None:
    body = os.urandom(24 * MIB)
    s3.put_object(Bucket=BUCKET, Key="going", Body=body)
    stream = s3.get_object(Bucket=BUCKET, Key="going")["Body"]
    first = stream.read(10)
    s3.delete_object(Bucket=BUCKET, Key="going")
    assert first + stream.read() == body


def test_many_parts_arrive_at_once(store: Store) -> None:
    bodies = [os.urandom(PART) for _ in range(6)]
    client = store.client()
    upload_id = client.create_multipart_upload(Bucket=BUCKET, Key="wide")["UploadId"]
    etags: dict[int, str] = {}

    def send(number: int) -> None:
        etags[number] = client.upload_part(
            Bucket=BUCKET,
            Key="wide",
            UploadId=upload_id,
            PartNumber=number,
            Body=bodies[number - 1],
        )["ETag"]

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
    complete(client, "wide", upload_id, parts)
    assert client.get_object(Bucket=BUCKET, Key="wide")["Body"].read() == b"".join(bodies)
    client.close()


def test_two_sites_in_one_process_share_nothing(store: Store, tmp_path: Any) -> None:
    other, server = serve(tmp_path, "prealps")
    try:
        client, foreign = other.client(), other.client(store.objects.issue_credentials(60))
        client.put_object(Bucket=BUCKET, Key="mine", Body=b"x")
        assert store.objects.backend.find(BUCKET, "mine") is None
        with pytest.raises(ClientError) as error:
            foreign.list_buckets()
        assert code_of(error) == (403, "InvalidAccessKeyId")
        client.close()
        foreign.close()
    finally:
        server.stop()
        other.objects.close()
