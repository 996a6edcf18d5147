"""MinIO as it is deployed: it keeps the contract, shows no more than it must, and refuses what it would fall for."""

import base64
import io
import json
import ssl
import tarfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
import pytest
from botocore.awsrequest import AWSRequest
from cryptography import x509
from minio.error import MinioAdminException

from components.data.objects import config
from components.pod import USER
from data_tools import objects
from data_tools.credentials import Credentials as Administrator
from tests.conformance import data_tools
from tests.conformance.object_store import HOST, PASSWORD, ObjectStore, object_store
from tests.contract import s3
from tests.contract.s3_store import body, new_key, refused
from tests.waiting import until

ONE, OTHER, KEEPER = "one", "other", "keeper"
RENEWED_S = 90
"""Within which a new certificate is served: MinIO looks a minute after its start, and every 10 seconds from then on."""


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """One with three clients, made as the platform's Job makes them."""
    with object_store(tmp_path_factory.mktemp("minio")) as started:
        grants = {ONE: config.grant(0), OTHER: config.grant(0), KEEPER: config.grant(1)}
        accounts = [(name, 1, grant) for name, grant in grants.items()]
        clients = data_tools.write_clients(started.folder / "clients.json", *accounts)
        server = (f"--host={HOST}", f"--port={started.port}", f"--credentials={started.credentials}")
        made = data_tools.run("objects", "apply", f"--clients={clients}", *server)
        assert made.returncode == 0, f"{made.stderr}\n{started.log}"
        yield started


@pytest.fixture(scope="module")
def store(minio: ObjectStore) -> s3.Store:
    """The same, as the contract knows it."""
    one, other, keeper = (
        s3.Client(keys=s3.Keys(access=f"{name}-g1", secret=data_tools.password(name, 1)), bucket=name)
        for name in (ONE, OTHER, KEEPER)
    )
    admin = s3.Keys(access=config.ROOT, secret=PASSWORD)
    return s3.Store(url=minio.url, ca=minio.ca, region=config.REGION, admin=admin, one=one, other=other, keeper=keeper)


@pytest.fixture(scope="module")
def http(minio: ObjectStore) -> Iterator[httpx.Client]:
    """Requests as they are written, signed by nobody."""
    with httpx.Client(base_url=minio.url, verify=minio.trust(), trust_env=False, timeout=20) as made:
        yield made


def archive(name: str) -> bytes:
    """A tar file with one file of that name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        entry = tarfile.TarInfo(name)
        entry.size = 6
        made.addfile(entry, io.BytesIO(b"forged"))
    return packed.getvalue()


@pytest.mark.parametrize("check", s3.CHECKS, ids=s3.name)
def test_it_keeps_the_contract(store: s3.Store, check: s3.Check) -> None:
    check(store)


def test_it_runs_without_privileges_and_listens_at_one_port_only(minio: ObjectStore) -> None:
    assert minio.process
    process = psutil.Process(minio.process.pid)
    assert {*process.uids(), *process.gids()} == {USER}
    connections = process.net_connections()
    assert {entry.laddr.port for entry in connections if entry.status == psutil.CONN_LISTEN} == {minio.port}
    assert {entry.raddr.ip for entry in connections if entry.raddr} <= {"127.0.0.1"}


def test_it_serves_no_console_and_nothing_without_tls(minio: ObjectStore, http: httpx.Client) -> None:
    seen = http.get("/", headers={"User-Agent": "Mozilla/5.0", "Accept": "text/html"})
    assert (seen.status_code, seen.headers["content-type"]) == (403, "application/xml")
    assert httpx.get(f"http://{HOST}:{minio.port}{config.LIVE}", trust_env=False).status_code == 400


def test_its_health_is_no_secret_and_its_metrics_are(store: s3.Store, http: httpx.Client) -> None:
    def metrics(token: str) -> httpx.Response:
        return http.get(config.METRICS, headers={"Authorization": f"Bearer {token}"} if token else {})

    assert [http.get(path).status_code for path in (config.LIVE, config.READY)] == [200, 200]
    served = metrics(config.metrics_token(config.ROOT, PASSWORD))
    assert served.status_code == 200, served.text
    assert 'version="2026-02-12T20:18:48Z"' in served.text
    forged = config.metrics_token(config.ROOT, "another")
    clients = config.metrics_token(store.one.keys.access, store.one.keys.secret)
    assert [metrics(token).status_code for token in ("", forged, clients)] == [403, 403, 403]


def test_the_token_of_the_metrics_opens_nothing_else(store: s3.Store, http: httpx.Client) -> None:
    token = {"Authorization": f"Bearer {config.metrics_token(config.ROOT, PASSWORD)}"}
    for path in ("/", f"/{store.one.bucket}", "/minio/admin/v3/info", "/minio/admin/v3/list-users"):
        assert http.get(path, headers=token).status_code in {400, 403}, path


def test_a_client_administers_nothing_and_makes_itself_no_further_keys(minio: ObjectStore, store: s3.Store) -> None:
    keys = store.one.keys
    account = Administrator(username=keys.access, password=keys.secret, ca=minio.ca)
    admin = cast(Any, objects.connect(HOST, minio.port, account, config.REGION).admin)
    calls: list[Callable[[], object]] = [
        admin.info,
        admin.user_list,
        lambda: admin.user_add("further-g1", "of-nobody-at-all"),
        lambda: admin.add_service_account(),
        lambda: admin.policy_set("consoleAdmin", user=keys.access),
        lambda: admin.config_set("api", {"root_access": "off"}),
    ]
    for call in calls:
        with pytest.raises(MinioAdminException, match=r"AccessDenied|403"):
            call()


def test_whoever_knows_an_access_key_only_writes_nothing(store: s3.Store, http: httpx.Client) -> None:
    """CVE-2026-41145 and CVE-2026-40344: MinIO itself would write both."""
    key, today = new_key(), f"{datetime.now(UTC):%Y%m%d}"
    scope = f"{store.other.keys.access}/{today}/{config.REGION}/s3/aws4_request"
    sent = {"Host": f"{HOST}:{http.base_url.port}", "X-Amz-Date": f"{today}T000000Z"}
    checksum = base64.b64encode(zlib.crc32(b"forged").to_bytes(4, "big")).decode()
    streamed = f"6\r\nforged\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n"
    unsigned = {
        **sent,
        "X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": "6",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    presigned = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": scope,
        "X-Amz-Date": sent["X-Amz-Date"],
        "X-Amz-Expires": "604800",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
    }
    first = http.put(f"/{OTHER}/{key}", params=presigned, headers=unsigned, content=streamed.encode())
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    unpacked = {"Authorization": authorization, "X-Amz-Meta-Snowball-Auto-Extract": "true"}
    second = http.put(f"/{OTHER}/{key}.tar", headers={**unsigned, **unpacked}, content=archive(f"{key}.unpacked"))
    assert [answer.status_code for answer in (first, second)] == [403, 403], (first.text, second.text)
    left = store.s3(store.other.keys).list_objects_v2(Bucket=OTHER, Prefix=key.rpartition("/")[0])
    assert left["KeyCount"] == 0


@pytest.mark.parametrize(
    "header",
    [
        "X-Amz-Meta-Snowball-Auto-Extract",
        "X-Minio-Replication-Server-Side-Encryption-Sealed-Key",
        "x-minio-source-replication-request",
        "X-Minio-Force-Delete",
    ],
)
def test_no_request_has_what_only_minio_understands(store: s3.Store, header: str) -> None:
    """CVE-2026-34204 among it: an object with such metadata could never be read again."""
    client, key = store.s3(store.one.keys), new_key()

    def add(request: AWSRequest, **_: object) -> None:
        request.headers[header] = "true"

    client.meta.events.register("before-sign.s3", add)
    with refused("AccessDenied"):
        client.put_object(Bucket=ONE, Key=key, Body=b"x")
    with refused("AccessDenied"):
        client.delete_object(Bucket=ONE, Key=key)


def test_nor_has_its_query(http: httpx.Client) -> None:
    answer = http.put(f"/{ONE}/{new_key()}", params={"x-minio-replication-encrypted-multipart": ""}, content=b"x")
    assert (answer.status_code, "nothing replicates" in answer.text) == (403, True)


def test_nothing_is_selected_out_of_objects(store: s3.Store) -> None:
    """CVE-2026-39414: a line without an end took all memory."""
    client, key = store.s3(store.one.keys), new_key()
    client.put_object(Bucket=ONE, Key=key, Body=b"a,b\n1,2\n")
    with refused("AccessDenied"):
        client.select_object_content(
            Bucket=ONE,
            Key=key,
            Expression="SELECT * FROM S3Object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )


@pytest.mark.parametrize("path", ["/", f"/{ONE}"])
@pytest.mark.parametrize("by", ["query", "form"])
def test_there_are_no_temporary_credentials(http: httpx.Client, path: str, by: str) -> None:
    wanted = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "WebIdentityToken": "x"}
    answer = http.post(path, params=wanted) if by == "query" else http.post(path, data=wanted)
    assert (answer.status_code, "no temporary credentials" in answer.text) == (403, True)


def test_a_signed_address_is_as_good_as_a_signature(store: s3.Store, http: httpx.Client) -> None:
    """Plain S3, which the guard lets pass: whoever is given it may do this one thing."""
    client, key = store.s3(store.one.keys), new_key()
    put, get = (
        client.generate_presigned_url(method, Params={"Bucket": ONE, "Key": key}, ExpiresIn=60)
        for method in ("put_object", "get_object")
    )
    assert http.put(put, content=b"handed over").status_code == 200
    assert http.get(get).content == b"handed over"
    assert http.get(get.replace(key, f"{key}-other")).status_code == 403


def test_a_renewed_certificate_is_served_without_a_restart(minio: ObjectStore) -> None:
    def serial() -> int:
        pem = ssl.get_server_certificate((HOST, minio.port), ca_certs=str(minio.ca))
        return x509.load_pem_x509_certificate(pem.encode()).serial_number

    assert minio.process
    before = serial()
    minio.issue("renewed")
    until("the new certificate is served", lambda: serial() != before, seconds=RENEWED_S)
    assert minio.process.poll() is None


def test_what_it_keeps_outlives_it(tmp_path: Path) -> None:
    with object_store(tmp_path) as own:
        admin = s3.Keys(access=config.ROOT, secret=PASSWORD)
        nobody = s3.Client(keys=admin, bucket="kept")
        known = s3.Store(
            url=own.url, ca=own.ca, region=config.REGION, admin=admin, one=nobody, other=nobody, keeper=nobody
        )
        client = known.s3(admin)
        client.create_bucket(Bucket="kept")
        client.put_object(Bucket="kept", Key="object", Body=b"kept")
        assert own.stop() == 0
        own.start()
        assert body(client, "kept", "object") == b"kept"
        for line in own.log.splitlines():
            json.loads(line)
        assert PASSWORD not in own.log
