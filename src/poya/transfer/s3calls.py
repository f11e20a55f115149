# SPDX-License-Identifier: Apache-2.0
"""Runs one S3 request to its end: signs it, sends it, tries again where that can help."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from poya.errors import BadAnswer, CertificateError, Unreachable
from poya.transfer.credentials import CredentialKeeper, Credentials
from poya.transfer.endpoints import Endpoint
from poya.transfer.guard import Guard
from poya.transfer.http import (
    Body,
    HttpRequest,
    HttpResponse,
    OversizedAnswer,
    Transport,
    TransportFailure,
)
from poya.transfer.retry import RetryPolicy
from poya.transfer.s3errors import Refusal, as_error, error_in_success, read_refusal
from poya.transfer.signing import Unsigned, sign

# A digest that is refused again and again is no accident of the line.
_MAX_BAD_DIGESTS = 3


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object lives in a store.

    Attributes:
        bucket: As in `boot-images`.
        key: As in `<image id>/rootfs`; empty for the bucket itself.
    """

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Call:
    """One S3 request, before credentials.

    Attributes:
        method: In capitals.
        place: The object or bucket.
        query: Sub-resource and parameters, not encoded.
        headers: Beyond those of every request.
        body: Small bytes, a buffer, or a stream.
        signs_body: Whether the signature covers the body.
        into: Where a 200 or 206 answer's body goes.
        stall_s: How long the service may be silent.
        repeatable: Whether it may be sent again when the answer was lost.
        fails_late: Whether a 200 answer may still hold an error.
    """

    method: str
    place: ObjectPlace
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default=b"", repr=False)
    signs_body: bool = True
    into: memoryview | None = field(default=None, repr=False)
    stall_s: float = 60.0
    repeatable: bool = True
    fails_late: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """How a store's objects are addressed.

    Attributes:
        site: The site's name, for messages.
        endpoint: The service.
        region: As the signature names it; RGW takes the empty one.
        path_style: Bucket in the path (as CSM's RGW wants it) or in the host name.
    """

    site: str
    endpoint: Endpoint
    region: str
    path_style: bool

    def endpoint_of(self, place: ObjectPlace) -> Endpoint:
        """The host that serves a bucket."""
        return self.endpoint if self.path_style else self.endpoint.with_prefix(place.bucket)

    def target_of(self, call: Call) -> str:
        """The request target: encoded path and query."""
        path = f"/{place_path(call.place) if self.path_style else call.place.key}"
        pairs = [f"{_encode(k)}={_encode(v)}" for k, v in sorted(call.query.items())]
        return quote(path, safe="/-_.~") + (f"?{'&'.join(pairs)}" if pairs else "")


class Caller:
    """Sends calls to one store, from many threads."""

    def __init__(self, address: Address, transport: Transport, keeper: CredentialKeeper) -> None:
        self._address = address
        self._transport = transport
        self._keeper = keeper

    def run(self, call: Call, policy: RetryPolicy, guard: Guard) -> HttpResponse:
        """Send a call until it succeeds, is refused for good, or patience ends.

        Raises:
            AuthenticationError: 403 that fresh credentials do not cure.
            NotFound: 404; its subclass `NoSuchUpload` for uploads.
            RequestRefused: Any other 4xx.
            ServiceFailure: 5xx or SlowDown until the end.
            DataDamaged: The service found another digest than the bytes sent (BadDigest).
            Unreachable: No answer until the end, or none that makes sense.
            Cancelled: The guard's stop.
        """
        attempt = _Attempt(self, call, policy, guard)
        while True:
            guard.cancel.check()
            response = attempt.once()
            if response is not None:
                return response

    def doing(self, call: Call) -> str:
        """The call in words for messages."""
        return f"{call.method} {call.place} at {self._address.site}"

    def send(self, call: Call, credentials: Credentials, guard: Guard) -> HttpResponse:
        """Sign and send a call once."""
        endpoint = self._address.endpoint_of(call.place)
        target = self._address.target_of(call)
        body = call.body if isinstance(call.body, bytes) else b""
        unsigned = Unsigned(
            call.method, endpoint.url + target, {"Host": endpoint.netloc, **call.headers},
            body, call.signs_body,
        )  # fmt: skip
        headers = sign(unsigned, credentials, self._address.region)
        request = HttpRequest(
            call.method, endpoint, target, headers, call.body, call.into, call.stall_s
        )
        return self._transport.exchange(request, guard)

    @property
    def keeper(self) -> CredentialKeeper:
        """Where credentials come from."""
        return self._keeper


class _Attempt:
    """The state of one call over its retries."""

    def __init__(self, caller: Caller, call: Call, policy: RetryPolicy, guard: Guard) -> None:
        self._caller, self._call, self._policy, self._guard = caller, call, policy, guard
        self._began_s = time.monotonic()
        self._failures = 0
        self._bad_digests = 0
        self._stale: Credentials | None = None

    def once(self) -> HttpResponse | None:
        """Send the call; None to be called again."""
        credentials = self._credentials()
        if credentials is None:
            return None
        try:
            response = self._caller.send(self._call, credentials, self._guard)
        except TransportFailure as failure:
            return self._lost(failure)
        except OversizedAnswer as error:
            what = f"{self._caller.doing(self._call)}: the answer is too large."
            raise BadAnswer(what) from error
        failed = response.status >= 300  # noqa: PLR2004
        if not failed and not (self._call.fails_late and error_in_success(response.body)):
            return response
        refusal = read_refusal(
            response.status, response.headers, response.body, credentials.secrets()
        )
        return self._refuse(refusal, credentials)

    def _credentials(self) -> Credentials | None:
        keeper = self._caller.keeper
        try:
            return keeper.replace(self._stale) if self._stale is not None else keeper.current()
        except CertificateError:
            raise
        except Unreachable as error:
            if self._gives_up():
                raise
            self._wait(f"credentials for {self._caller.doing(self._call)}: {error.what}", None)
            return None

    def _refuse(self, refusal: Refusal, credentials: Credentials) -> None:
        doing = self._caller.doing(self._call)
        if refusal.is_stale_key and self._stale is None:
            self._stale = credentials
            self._guard.retried(f"{doing}: {refusal} Asking for new credentials.", 0.0)
            return
        self._bad_digests += refusal.code == "BadDigest"
        hopeless = self._bad_digests >= _MAX_BAD_DIGESTS or self._gives_up()
        if hopeless or not refusal.is_passing:
            raise as_error(refusal, doing)
        self._stale = None
        self._wait(f"{doing}: {refusal}", refusal.retry_after_s)

    def _lost(self, failure: TransportFailure) -> None:
        doing = self._caller.doing(self._call)
        may_repeat = self._call.repeatable or failure.unsent
        if not may_repeat or self._gives_up():
            raise Unreachable(
                f"{doing}: no usable answer came.",
                why=f"{failure}",
                todo="Check the site's `s3_endpoint` and `proxy`, then run it again.",
            ) from failure
        self._wait(f"{doing}: {failure}", None)

    def _gives_up(self) -> bool:
        elapsed_s = time.monotonic() - self._began_s
        return self._policy.gives_up(self._failures + 1, elapsed_s)

    def _wait(self, reason: str, asked_s: float | None) -> None:
        self._failures += 1
        wait_s = self._policy.wait_s(self._failures, asked_s)
        self._guard.retried(reason, wait_s)
        self._guard.cancel.sleep(wait_s)


def place_path(place: ObjectPlace) -> str:
    """A place as `bucket/key`."""
    return f"{place.bucket}/{place.key}" if place.key else place.bucket


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
