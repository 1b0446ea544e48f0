"""Archives of charts: what is taken, what is refused and in which words, and that nothing else can come out."""

import gzip
import hashlib
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.net.archive import Archive, gunzip, of_files, open_archive, unpack
from sym.net.errors import ChartRefused
from sym.settings import ChartSettings
from tests.net.charts import about, chart, files, header, member, packed, tarball, tgz

LIMITS = ChartSettings()
SMALL = replace(LIMITS, unpacked_bytes=64 << 10, file_bytes=4 << 10, files=20)


def refusal(data: bytes, limits: ChartSettings = LIMITS) -> str:
    with pytest.raises(ChartRefused) as caught:
        open_archive(data, limits)
    return caught.value.message


# what is taken


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_chart_is_read_whatever_tar_wrote_it(form: int) -> None:
    deep = "templates/" + "/".join(["folder-with-a-long-name"] * 5) + "/map.yaml"
    content = {**files(more="appVersion: '1.10'\n"), deep: b"x", "README-ä.md": b"y"}
    data = tgz(content, form=form)
    found = open_archive(data, LIMITS)
    assert (found.name, found.version, found.app_version) == ("demo", "0.1.0", "1.10")
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.files == content
    assert found.size == sum(map(len, content.values()))
    assert repr(found) == "Archive(demo 0.1.0, 5 files)"


def test_folders_and_a_leading_dot_are_fine() -> None:
    data = packed([
        (member("./", tarfile.DIRTYPE), b""),
        (member("./demo/", tarfile.DIRTYPE), b""),
        (member("./demo/templates/", tarfile.DIRTYPE), b""),
        (member("./demo/Chart.yaml"), about()),
    ])  # fmt: skip
    assert open_archive(data, LIMITS).files == {"Chart.yaml": about()}


def test_very_old_archives_tell_a_folder_by_its_name() -> None:
    old = header("demo/", b"0\0", b"\0") + header("demo/Chart.yaml", b"%o\0" % len(about()), b"\0")
    data = gzip.compress(old + about().ljust(512, b"\0"))
    assert open_archive(data, LIMITS).files == {"Chart.yaml": about()}


def test_a_comment_for_all_members_is_fine() -> None:
    """`git archive` writes one."""
    comment = b"52 comment=0123456789012345678901234567890123456789\n"
    data = header("pax_global_header", b"%o\0" % len(comment), b"g") + comment.ljust(512, b"\0")
    assert open_archive(gzip.compress(data + tarball([(member("demo/Chart.yaml"), about())])), LIMITS).name == "demo"


def test_charts_in_charts_become_folders() -> None:
    inmost = chart("inmost", "3.0.0")
    inner = tgz({**files("inner", "2.0.0"), "charts/any-name.tgz": inmost}, "inner/")
    found = open_archive(tgz({**files(), "charts/inner-2.0.0.tgz": inner, "charts/_old.tgz": b"junk"}), LIMITS)
    assert sorted(found.files) == [
        "Chart.yaml",
        "charts/_old.tgz",
        "charts/inner/Chart.yaml",
        "charts/inner/charts/inmost/Chart.yaml",
        "charts/inner/charts/inmost/templates/map.yaml",
        "charts/inner/charts/inmost/values.yaml",
        "charts/inner/templates/map.yaml",
        "charts/inner/values.yaml",
        "templates/map.yaml",
        "values.yaml",
    ]


def test_it_is_unpacked_for_us_alone(tmp_path: Path) -> None:
    archive = open_archive(chart(), LIMITS)
    folder = tmp_path / "new"
    unpack(archive, folder)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == dict(archive.files)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        unpack(archive, folder)


def test_names_that_a_file_system_takes_for_one_are_refused(tmp_path: Path) -> None:
    odd = Archive(name="demo", version="1.0.0", app_version="", digest="", files={"a": b"", "a/b": b""})
    with pytest.raises(ChartRefused, match="takes for one"):
        unpack(odd, tmp_path / "new")


def test_a_folder_is_a_chart_under_the_same_limits() -> None:
    found = of_files(files().items(), LIMITS)
    assert (found.name, found.files) == ("demo", files())
    assert found.digest == of_files(reversed(files().items()), LIMITS).digest
    assert found.digest != of_files(files(version="0.2.0").items(), LIMITS).digest
    with pytest.raises(ChartRefused, match="more than 65536 bytes"):
        of_files([(str(number), bytes(4096)) for number in range(17)], SMALL)


# what is refused


def changed(**content: bytes) -> bytes:
    return tgz(files() | {"Chart.yaml": content["about"]})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"", "ends too early", id="empty"),
        pytest.param(b"PK\x03\x04 something", "not packed with gzip", id="zip"),
        pytest.param(chart()[:-20], "ends too early", id="truncated"),
        pytest.param(chart()[:-8] + bytes(8), "not packed with gzip, or is broken", id="checksum"),
        pytest.param(chart() + b"\0", "behind the end", id="appended"),
        pytest.param(chart() + chart(), "behind the end", id="two gzips"),
        pytest.param(gzip.compress(chart()), "no tar that Sym takes", id="gzip in gzip"),
        pytest.param(gzip.compress(b"hello"), "middle of a header", id="no tar"),
        pytest.param(gzip.compress(b"x" * 512), "a checksum that is no octal number", id="no header"),
        pytest.param(gzip.compress(header("a", b"5\0")[:-1] + b"x"), "checksum is wrong", id="changed header"),
        pytest.param(gzip.compress(header("a", b"77777777777\0")), "the archive ends before", id="huge size"),
        pytest.param(gzip.compress(header("a", b"\x80" + b"\xff" * 11)), "no octal number", id="binary size"),
        pytest.param(gzip.compress(header("a/", b"1\0", b"5") + bytes(512)), "has content", id="folder with content"),
        pytest.param(gzip.compress(bytes(1024)), "this one has 0", id="nothing in it"),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused(data: bytes, told: str) -> None:
    assert told in refusal(data)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/etc/passwd", "absolute"),
        ("demo/../../x", "`..`"),
        ("../x", "`..`"),
        ("demo//x", "empty"),
        ("demo/./x", "`.`"),
        ("demo\\x", "characters that are not allowed"),
        ("demo/a\nb", "characters that are not allowed"),
        ("demo/\u202ea", "characters that are not allowed"),
        ("x.yaml", "beside the chart's folder"),
        ("other/x", "this one has 2"),
        ("demo/values.yaml", "in the archive twice"),
        ("demo/values.yaml/x", "is a file and a folder"),
        ("demo/" + "a" * 201, "a step than 200"),
        ("demo/" + "a/" * 300 + "b", "longer than 512 bytes"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str, told: str) -> None:
    data = packed([*((member(f"demo/{path}"), content) for path, content in files().items()), (member(name), b"x")])
    assert told in refusal(data)


def test_a_nul_in_a_name_is_refused() -> None:
    record = b"25 path=demo/\0etc/passwd\n"
    long = header("x", b"%o\0" % len(record), b"x") + record.ljust(512, b"\0") + header("demo/a", b"0\0")
    assert "not allowed" in refusal(gzip.compress(long))


def test_a_name_that_is_no_utf8_is_refused() -> None:
    block = bytearray(header("demo/?", b"0\0"))
    block[5] = 0xFF
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert "not UTF-8" in refusal(gzip.compress(bytes(block)))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.CONTTYPE, "neither a file nor a folder"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
    ],
)
def test_links_and_devices_are_refused(kind: bytes, told: str) -> None:
    assert told in refusal(packed([(member("demo/values.yaml", kind, "/etc/passwd"), b"")]))


@pytest.mark.parametrize(
    ("kind", "record", "told"),
    [
        (b"x", b"20 size=99999999999\n", "the archive ends before"),
        (b"x", b"12 size=-1\n ", "pax header is broken"),
        (b"x", b"11 size=-1\n", "a size that is no number"),
        (b"x", b"22 GNU.sparse.major=1\n", "a sparse file"),
        (b"x", b"99999999999999999999 a=b\n", "pax header is broken"),
        (b"x", b"hello", "pax header is broken"),
        (b"x", b"0 \n", "pax header is broken"),
        (b"x", b"12 path=\xff\xfe\xfd\n", "not UTF-8"),
        (b"g", b"15 path=demo/a\n", "a global pax header"),
        (b"L", b"a" * 70_000, "more than 65536"),
    ],
)
def test_headers_that_lie_are_refused(kind: bytes, record: bytes, told: str) -> None:
    blocks = record.ljust(-(-len(record) // 512) * 512, b"\0")
    data = header("x", b"%o\0" % len(record), kind) + blocks + header("demo/a", b"0\0")
    assert told in refusal(gzip.compress(data))


def test_bombs_are_refused_and_never_held() -> None:
    assert "more than 10485760 bytes" in refusal(gzip.compress(bytes(100 << 20)))
    assert "more than 10485760" in refusal(bytes(11 << 20))
    zeros = packed([(member(f"demo/{number}"), bytes(1 << 20)) for number in range(11)])
    assert "more than 10485760 bytes" in refusal(zeros)


def test_the_limits_of_a_file_and_of_files() -> None:
    assert "demo/big has 4097 bytes, more than 4096" in refusal(tgz({**files(), "big": bytes(4097)}), SMALL)
    assert "more than 20 files" in refusal(tgz({**files(), **{str(number): b"" for number in range(18)}}), SMALL)
    open_archive(tgz({**files(), **{str(number): b"" for number in range(17)}, "1": bytes(4096)}), SMALL)


def test_archives_in_archives_count_too() -> None:
    inner = {f"charts/{number}.tgz": tgz({"x": bytes(4096)}, f"c{number}/") for number in range(7)}
    assert "more than 65536 bytes, all archives" in refusal(tgz({**files(), **inner}), SMALL)
    nested = chart()
    for _ in range(5):
        nested = tgz({**files(), "charts/demo.tgz": nested})
    assert "more than 3 deep" in refusal(nested)
    twice = {"charts/inner/Chart.yaml": about(), "charts/inner-1.tgz": chart("inner")}
    assert "charts/inner-1.tgz: the chart inner is there twice" in refusal(tgz({**files(), **twice}))
    assert "charts/x.tgz: it is not packed" in refusal(tgz({**files(), "charts/x.tgz": b"hello"}))
    odd = tgz(files(), "_hidden/")
    assert "is no name of a chart" in refusal(tgz({**files(), "charts/x.tgz": odd}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "expected an object"),
        (b"- a", "expected an object"),
        (b"a: [", "not YAML"),
        (b"\xff\xfe\xff", "not YAML"),
        (b"a: &x [1]\nb: *x", "anchors and aliases"),
        (b"a: " + b"[" * 40, "nested too deeply"),
        (b"a: " + b"x" * 70_000, "more than 65536"),
        (b"name: demo\nversion: 1.0.0", "apiVersion is missing"),
        (b"apiVersion: v2\nversion: 1.0.0", "name is missing"),
        (b"apiVersion: v2\nname: demo", "version is missing"),
        (b"apiVersion: v2\nname: [demo]\nversion: 1.0.0", "name is missing, or is no short text"),
        (b"apiVersion: v2\nname: true\nversion: 1.0.0", "name is missing, or is no short text"),
        (b'apiVersion: v2\nname: "a\\nb"\nversion: 1.0.0', "name is missing, or is no short text"),
        (b"apiVersion: v3\nname: demo\nversion: 1.0.0", "apiVersion is 'v3'"),
        (b"apiVersion: v2\nname: ../demo\nversion: 1.0.0", "is no name of a chart"),
        (b"apiVersion: v2\nname: demo\nversion: new", "no semantic version"),
        (b"apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: library", "type is 'library'"),
        (b"apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: {a: b}", "type is"),
    ],
)
def test_a_chart_says_what_it_is(text: bytes, told: str) -> None:
    message = refusal(changed(about=text))
    assert message.startswith("Chart.yaml: ")
    assert told in message


def test_a_chart_without_chart_yaml_is_none() -> None:
    assert "no Chart.yaml" in refusal(tgz({"values.yaml": b""}))
    assert "no Chart.yaml" in refusal(tgz({"deeper/Chart.yaml": about()}))


def test_versions_as_helm_reads_them() -> None:
    assert (
        open_archive(changed(about=b"apiVersion: v1\nname: demo\nversion: v1.2\nappVersion: 3"), LIMITS).app_version
        == "3"
    )


# fuzz


def only_a_chart_or_a_refusal(data: bytes) -> None:
    try:
        found = open_archive(data, SMALL)
    except ChartRefused:
        return
    assert found.size <= SMALL.unpacked_bytes


@given(st.binary(max_size=2000))
@example(b"\x1f\x8b")
def test_random_bytes(data: bytes) -> None:
    only_a_chart_or_a_refusal(data)
    only_a_chart_or_a_refusal(gzip.compress(data, 1))


@given(st.data())
def test_a_good_archive_with_some_bytes_changed(data: st.DataObject) -> None:
    inner = tgz(files("inner"), "inner/", tarfile.PAX_FORMAT)
    good = bytearray(gunzip(tgz({**files(), "charts/inner.tgz": inner}, "dä/", tarfile.PAX_FORMAT), 1 << 20, ""))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(good) // 512 - 1)) * 512
    good[at + 148 : at + 156] = b" " * 8
    good[at + 148 : at + 156] = b"%06o\0 " % (sum(good[at : at + 512]) & 0o777777)
    only_a_chart_or_a_refusal(gzip.compress(good, 1))


@given(st.integers(0, 400), st.binary(max_size=4))
def test_a_good_archive_cut_off(length: int, more: bytes) -> None:
    only_a_chart_or_a_refusal(chart()[:length] + more)


KINDS = st.sampled_from([*b"0157234gxLKS\0"]).map(lambda kind: bytes([kind]))
SIZES = st.sampled_from([b"", b"0\0", b"1000\0", b"77777777777\0", b"-1\0", b"\x80" + b"\xff" * 11, b"9\0"])
NAMES = st.sampled_from(["demo/Chart.yaml", "demo/", "demo", "../x", "demo/charts/a.tgz", "demo/a", "", "/"])
CONTENTS = st.sampled_from([about(), b"11 size=900\n", b"30 path=demo/x\n", b"", bytes(600), chart()])


@given(st.lists(st.tuples(NAMES, SIZES, KINDS, CONTENTS), max_size=6))
def test_members_as_no_tar_writes_them(parts: list[tuple[str, bytes, bytes, bytes]]) -> None:
    blocks = b"".join(
        header(name, size, kind) + content.ljust(-(-len(content) // 512) * 512, b"\0")
        for name, size, kind, content in parts
    )
    only_a_chart_or_a_refusal(gzip.compress(blocks, 1))


@given(st.dictionaries(st.text(max_size=12), st.binary(max_size=30), max_size=5))
def test_files_of_any_name(content: Mapping[str, bytes]) -> None:
    try:
        found = of_files(content.items(), SMALL)
    except ChartRefused:
        return
    assert all(not path.startswith(("/", "..")) for path in found.files)
