"""keys.yaml: who may ask, by the hashes of their keys; none of it can be used as a key."""

import base64
import hashlib
import io
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from handler.strict import StrictModel, load
from scripts.errors import UserError

# 192 random bits: nobody finds them by trying, so a fast hash without salt gives nothing away.
_SECRET_BYTES = 24
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HASH = re.compile(r"\{SHA\}[A-Za-z0-9+/]{27}=")
_HEAD = """\
# Who may ask the edge: names, and the hashes of their keys. `make key NAME=…` adds one and prints it, with REVOKE=1 it
# takes it out; after an edit by hand, `make apply` brings a running edge to it (docs/access.md).
"""


class Key(StrictModel):
    """What is known of a key.

    Attributes:
        hash: `{SHA}` and the Base64 of its secret's SHA-1, the one hash that Envoy's basic_auth knows.
        requests_per_s: more are refused; None: what `per_key` of traffic.yaml says.
        burst: as many at once after a pause; None: as many as in a second.
    """

    hash: str
    requests_per_s: int | None = Field(default=None, ge=1)
    burst: int | None = Field(default=None, ge=1)


def read(path: Path) -> dict[str, Key]:
    """Return the keys by name; none where there is no file.

    Raises:
        UserError: others may write the file, or one sentence that names the key and a fix.
    """
    document = _document(path)
    found = {}
    for name, about in document.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UserError(f"{path}: the name {name!r}; use letters, digits, `_` and `-`, at most 64, in quotes.")
        # What somebody put there may be a key: it is not shown.
        if not isinstance(about, Mapping) or not _HASH.fullmatch(str(about.get("hash"))):
            raise UserError(f"{path}: {name}: `hash` is none; `make key NAME={name}-b` writes one.")
        try:
            found[name] = load(Key, about, f"{path}: {name}")
        except ValueError as error:
            raise UserError(str(error)) from None
    return found


def with_new(path: Path, name: str, limits: Mapping[str, int]) -> tuple[str, str]:
    """Return the file's text with a new key, and the key itself, which is nowhere else; nothing is written.

    Raises:
        UserError: the name can't be one, or is taken; or as `read` does.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"NAME={name}: use letters, digits, `_` and `-`, at most 64.")
    if name in read(path):
        raise UserError(
            f"{path} has a key {name}; make the new one under another name, such as {name}-b, and revoke {name} when "
            "nobody uses it any more."
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    document = _document(path)
    about = CommentedMap({"hash": hashed(secret), **limits})
    about.fa.set_flow_style()
    document[name] = about
    return _dumped(document), f"{name}.{secret}"


def without(path: Path, name: str) -> str:
    """Return the file's text without a key; nothing is written.

    Raises:
        UserError: there is none of that name; or as `read` does.
    """
    known = read(path)
    if name not in known:
        raise UserError(f"{path} has no key {name}; it has {', '.join(known) or 'none'}.")
    document = _document(path)
    del document[name]
    return _dumped(document)


def hashed(secret: str) -> str:
    """Return a secret's hash as the file and Envoy have it."""
    return "{SHA}" + base64.b64encode(hashlib.sha1(secret.encode(), usedforsecurity=False).digest()).decode()


def _document(path: Path) -> CommentedMap:
    try:
        content = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError:
        content, mode = _HEAD, 0
    except PermissionError:
        # As in a container that runs as another user.
        raise UserError(
            f"{path}: this user may not read it; `chmod 644 {path}` is no harm, it has hashes only."
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is no UTF-8 text; restore it from a copy.") from None
    # Whoever may write it can give himself a key: as sshd refuses authorized_keys. To read it is no harm.
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UserError(f"{path}: others may write it, and so add a key; `chmod 600 {path}`.")
    try:
        found = YAML().load(content)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}: no valid YAML{f' in line {mark.line + 1}' if mark else ''}.") from None
    if found is None:
        found = CommentedMap()
        head = content if content.strip() else _HEAD
        found.yaml_set_start_comment("".join(line.removeprefix("# ") for line in head.splitlines(keepends=True)))
    if not isinstance(found, CommentedMap):
        raise UserError(f"{path}: it must hold names, each with a `hash`; `make key NAME=…` writes them.")
    return found


def _dumped(document: CommentedMap) -> str:
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 200
    yaml.dump(document, stream)
    return stream.getvalue() if document else _HEAD
