# SPDX-License-Identifier: Apache-2.0
"""The object store of a lab site: moto's S3 with its bytes on disk, behind a strict front.

moto knows S3's requests, listings and answers; what Ceph RGW does otherwise (it checks signatures
and digests, ignores checksums, answers an empty ETag on completion) is done by the front. The
bytes never pass through moto: they lie in files of the site's directory.
"""
