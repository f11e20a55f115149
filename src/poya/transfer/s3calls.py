# SPDX-License-Identifier: Apache-2.0
"""Runs one S3 request to its end: signs it, sends it, tries again where that can help."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from poya.errors import BadAnswer, CertificateError, Unreachable
from poya.transfer.credentials import CredentialKeeper, Credentials
from poya.transfer.endpoints import Endpoint
from poya.transfer.guard import Guard
from poya.transfer.http import (
    Body,
    Exchanger,
    HttpRequest,
    HttpResponse,
    OversizedAnswer,
    TransportFailure,
)
from poya.transfer.retry import RetryPolicy
from poya.transfer.s3errors import Refusal, as_error, error_in_success, read_refusal
from poya.transfer.s3values import ObjectPlace, place_path
from poya.transfer.signing import Unsigned, sign

# A digest that is refused again and again is no accident of the line.
_MAX_BAD_DIGESTS = 3


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
        slow: Whether the service itself moves bytes before it answers: that takes long, and a
            200 answer may still hold an error.
    """

    method: str
    place: ObjectPlace
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default=b"", repr=False)
    signs_body: bool = True
    into: memoryview | None = field(default=None, repr=False)
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """How a store is spoken to.

    Attributes:
        site: The site's name, for messages.
        endpoint: The service.
        region: As the signature names it; RGW takes the empty one.
        path_style: Bucket in the path (as CSM's RGW wants it) or in the host name.
        stall_s: How long it may be silent...
        slow_s: ...and how long during slow calls.
    """

    site: str
    endpoint: Endpoint
    region: str
    path_style: bool
    stall_s: float
    slow_s: float

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

    def __init__(self, service: Service, transport: Exchanger, keeper: CredentialKeeper) -> None:
        self._service = service
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
        return f"{call.method} {call.place} at {self._service.site}"

    def send(self, call: Call, credentials: Credentials, guard: Guard) -> HttpResponse:
        """Sign and send a call once."""
        endpoint = self._service.endpoint_of(call.place)
        target = self._service.target_of(call)
        body = call.body if isinstance(call.body, bytes) else b""
        unsigned = Unsigned(
            call.method, endpoint.url + target, {"Host": endpoint.netloc, **call.headers},
            body, call.signs_body,
        )  # fmt: skip
        headers = sign(unsigned, credentials, self._service.region)
        stall_s = self._service.slow_s if call.slow else self._service.stall_s
        request = HttpRequest(
            call.method, endpoint, target, headers, call.body, call.into, stall_s
        )
        return self._transport.exchange(request, guard)

    @property
    def endpoint(self) -> Endpoint:
        """The service."""
        return self._service.endpoint

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
            self._lost(failure)
            return None
        except OversizedAnswer as error:
            what = f"{self._caller.doing(self._call)}: the answer is too large."
            raise BadAnswer(what) from error
        failed = response.status >= 300  # noqa: PLR2004
        may_fail_late = self._call.slow or self._call.method == "POST"
        if not failed and not (may_fail_late and error_in_success(response.body)):
            return response
        refusal = read_refusal(
            response.status, response.headers, response.body, credentials.secrets()
        )
        self._refuse(refusal, credentials)
        return None

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
        if refusal.asks_for_less:
            self._guard.eased()
        self._wait(f"{doing}: {refusal}", refusal.retry_after_s)

    def _lost(self, failure: TransportFailure) -> None:
        doing = self._caller.doing(self._call)
        if self._gives_up():
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


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
