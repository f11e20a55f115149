# SPDX-License-Identifier: Apache-2.0
"""Bytes between object stores and files: ranges, parts, digests, resume.

`copy(jobs)` moves artifacts; `S3Store` is one site's object store. Nothing here knows of CSM
beyond how its object store behaves.
"""

from __future__ import annotations

from poya.transfer.chunking import ChunkStore, cutter
from poya.transfer.credentials import Credentials, CredentialsProvider
from poya.transfer.delta import Ancestor, Delta
from poya.transfer.endpoints import Endpoint, choose_endpoint, parse_endpoint
from poya.transfer.engine import copy
from poya.transfer.events import Advanced, Event, Failed, Finished, Paced, Retried, Started
from poya.transfer.files import FileSource, FileTarget, sync_write
from poya.transfer.guard import Cancel, Guard
from poya.transfer.http import Exchanger, HttpRequest, HttpResponse
from poya.transfer.jobs import Job, Limits, Proof, Result
from poya.transfer.memory import buffers_within, usual_buffers
from poya.transfer.meter import Gauge, Meter
from poya.transfer.objects import ObjectSource, ObjectTarget
from poya.transfer.pacing import Pace, Timetable, parse_timetable
from poya.transfer.ports import (
    Expected,
    Held,
    Opening,
    OpenUpload,
    Reader,
    Sink,
    Source,
    Target,
    Twin,
    UploadMemory,
)
from poya.transfer.retry import RetryPolicy
from poya.transfer.s3 import S3Store
from poya.transfer.s3errors import NoSuchUpload
from poya.transfer.s3values import ObjectHead, ObjectPlace, S3Config
from poya.transfer.sizes import parse_size

__all__ = [
    "Advanced",
    "Ancestor",
    "Cancel",
    "ChunkStore",
    "Credentials",
    "CredentialsProvider",
    "Delta",
    "Endpoint",
    "Event",
    "Exchanger",
    "Expected",
    "Failed",
    "FileSource",
    "FileTarget",
    "Finished",
    "Gauge",
    "Guard",
    "Held",
    "HttpRequest",
    "HttpResponse",
    "Job",
    "Limits",
    "Meter",
    "NoSuchUpload",
    "ObjectHead",
    "ObjectPlace",
    "ObjectSource",
    "ObjectTarget",
    "OpenUpload",
    "Opening",
    "Pace",
    "Paced",
    "Proof",
    "Reader",
    "Result",
    "Retried",
    "RetryPolicy",
    "S3Config",
    "S3Store",
    "Sink",
    "Source",
    "Started",
    "Target",
    "Timetable",
    "Twin",
    "UploadMemory",
    "buffers_within",
    "choose_endpoint",
    "copy",
    "cutter",
    "parse_endpoint",
    "parse_size",
    "parse_timetable",
    "sync_write",
    "usual_buffers",
]
