"""What SECURITY.md says of the libraries in TorchServe's jar, and of the parts of netty that TorchServe uses."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import ts

HANDLER = re.compile(rb"io/netty/handler/([\w/]+)")
# Of netty's other codecs and handlers, those that an advisory of SECURITY.md is about.
UNUSED = ("compression", "http2", "haproxy", "spdy", "xml", "smtp", "proxy", "ssl/SniHandler")
COMPRESSING = ("HttpContentCompressor", "HttpContentDecompressor", "HttpContentEncoder", "HttpContentDecoder")


@pytest.fixture(scope="module")
def jar() -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(Path(ts.__file__).parent / "frontend" / "model-server.jar") as archive:
        yield archive


@pytest.mark.parametrize(
    ("member", "version"),
    [
        ("META-INF/io.netty.versions.properties", "netty-codec-http.version=4.1.53.Final"),
        ("META-INF/io.netty.versions.properties", "netty-codec-http2.version=4.1.53.Final"),
        ("META-INF/groovy-release-info.properties", "ImplementationVersion=3.0.9"),
        ("com/google/gson/internal/GsonBuildConfig.class", "2.10.1"),
        ("io/grpc/internal/GrpcUtil.class", "1.50.0"),
        # From 2.17.0 on.
        ("org/apache/logging/log4j/core/net/JndiManager.class", "isJndiLookupEnabled"),
        # From 2.0 on.
        ("org/yaml/snakeyaml/inspector/TagInspector.class", "isGlobalTagAllowed"),
    ],
)
def test_the_libraries_are_those_of_security_md(jar: zipfile.ZipFile, member: str, version: str) -> None:
    assert version.encode() in jar.read(member)


def test_torchserve_uses_none_of_nettys_handlers_that_security_md_says_it_does_not(jar: zipfile.ZipFile) -> None:
    own = (name for name in jar.namelist() if name.startswith("org/pytorch/serve/") and name.endswith(".class"))
    used = {found.decode() for name in own for found in HANDLER.findall(jar.read(name))}
    assert "codec/http/HttpServerCodec" in used
    assert not [name for name in used if name.removeprefix("codec/").startswith(UNUSED)]
    assert not [name for name in used if name.endswith(COMPRESSING)]
