"""The hubs' endpoints that a pull uses, as they are, over files of a test."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from urllib.parse import parse_qs

from tests.ops.pull.servers import File, FileServer

COMMIT = "a" * 40
NAME = "some/model"

SMALL = {
    "config.json": b'{"model_type": "qwen3_asr"}\n',
    "vocab.json": b'{"a": 1}\n',
    "merges.txt": b"a b\n",
    "chat_template.jinja": b"",
}


def weights(size: int, seed: int = 1) -> bytes:
    """Bytes that repeat nowhere near."""
    return random.Random(seed).randbytes(size)


def model(size: int = 200_000) -> dict[str, bytes]:
    """A model's files."""
    return {**SMALL, "model.safetensors": weights(size)}


def sha256(body: bytes) -> str:
    """As the hubs tell it."""
    return hashlib.sha256(body).hexdigest()


def git_sha1(body: bytes) -> str:
    """Git's id of a file."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


def serve_huggingface(
    server: FileServer,
    files: Mapping[str, bytes],
    *,
    name: str = NAME,
    commit: str = COMMIT,
    refs: tuple[str, ...] = ("main",),
    cdn: FileServer | None = None,
) -> None:
    """Put a model on a server that speaks the hub's API; large files lie elsewhere where there is a `cdn`."""
    siblings: list[dict[str, object]] = [{"rfilename": ".gitattributes", "size": 3, "blobId": "0" * 40}]
    for file, body in files.items():
        entry: dict[str, object] = {"rfilename": file, "size": len(body), "blobId": git_sha1(body)}
        is_large = file.endswith(".safetensors")
        if is_large:
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(body)}\nsize {len(body)}\n"
            entry["blobId"] = git_sha1(pointer.encode())
            entry["lfs"] = {"sha256": sha256(body), "size": len(body), "pointerSize": len(pointer)}
        siblings.append(entry)
        path = f"/{name}/resolve/{commit}/{file}"
        if is_large and cdn is not None:
            server.redirects[path] = f"{cdn.url}/blobs/{sha256(body)}?Signature=secret-signature"
            cdn.files[f"/blobs/{sha256(body)}"] = File(body, etag=f'"{sha256(body)[:32]}"')
        else:
            server.files[path] = File(body, etag=f'"{sha256(body) if is_large else git_sha1(body)}"')
    info = File(json.dumps({"id": name, "sha": commit, "private": False, "siblings": siblings}).encode())
    server.files[f"/api/models/{name}"] = info
    for ref in (*refs, commit):
        server.files[f"/api/models/{name}/revision/{ref}"] = info


def serve_modelscope(
    server: FileServer, files: Mapping[str, bytes], *, name: str = NAME, commit: str = "b" * 40
) -> None:
    """Put a model on a server that speaks ModelScope's API; which file is asked for stands in the query there."""
    entries: list[dict[str, object]] = [{"Name": "sub", "Path": "sub", "Type": "tree", "Size": 0, "Revision": commit}]
    for file, body in files.items():
        entries.append(
            {
                "Name": file,
                "Path": file,
                "Type": "blob",
                "Size": len(body),
                "Sha256": sha256(body),
                "IsLFS": file.endswith(".safetensors"),
                "Revision": commit,
                "Mode": "33188",
            }
        )
    data = {"Files": entries, "IsVisual": 0, "LatestCommitter": {"Id": "", "ShortId": commit[:8], "Name": "x"}}
    told = {"Code": 200, "Data": data, "Message": "success", "RequestId": "1", "Success": True}
    server.files[f"/api/v1/models/{name}/repo/files"] = File(json.dumps(told).encode())
    server.locate = lambda request: (
        f"{request.path}?{parse_qs(request.target.partition('?')[2])['FilePath'][0]}"
        if request.path.endswith("/repo")
        else request.path
    )
    for file, body in files.items():
        server.files[f"/api/v1/models/{name}/repo?{file}"] = File(body, etag=f'"{sha256(body)[:32]}"')


def serve_folder(server: FileServer, files: Mapping[str, bytes], *, path: str = "/mirror") -> None:
    """Put a model's files into a folder, with the page that nginx makes of it."""
    links = "".join(f'<a href="{file}">{file}</a>  01-Jan-2026 10:00  {len(body)}\r\n' for file, body in files.items())
    page = f'<html><head><title>Index of {path}/</title></head><body><pre><a href="../">../</a>\r\n{links}</pre></body>'
    server.files[f"{path}/"] = File(page.encode())
    for file, body in files.items():
        server.files[f"{path}/{file}"] = File(body, etag=f'"{len(body):x}-{sha256(body)[:8]}"')
