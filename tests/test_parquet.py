"""Sealed parts read alike in our own reader (DuckDB), pyarrow and chdb.

The store tool (built beside the unit tests) writes parts with every type, nulls, lists, empty texts, Unicode, the ends of
the 64-bit range and times before 1970. What each reader finds must be the same, value by value.
"""
import datetime
import glob
import json
import math
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find_tool():
    named = os.environ.get("HYAKUYO_STORE_TOOL")
    if named:
        return named
    found = glob.glob(os.path.join(ROOT, "build*", "src", "store", "store_tool"))
    if not found:
        pytest.skip("store_tool is not built (ninja -C build src/store/store_tool)")
    return max(found, key=os.path.getmtime)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    tool = find_tool()
    subprocess.run([tool, "write", str(folder)], check=True, timeout=60)
    dump = subprocess.run([tool, "dump", str(folder)], check=True, timeout=60, capture_output=True, text=True)
    files = sorted(glob.glob(str(folder / "events" / "year=*" / "month=*" / "day=*" / "*.parquet")),
                   key=lambda path: int(os.path.basename(path).split("-")[0]))
    rows = [json.loads(line) for line in dump.stdout.splitlines()]
    assert len(files) == 2 and len(rows) == 5000
    return files, rows


def microseconds(value):
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
    return value


def same(ours, theirs):
    if isinstance(ours, float) or isinstance(theirs, float):
        return theirs is not None and ours is not None and math.isclose(ours, theirs, rel_tol=1e-15)
    return ours == theirs


def compare(rows, others, reader):
    assert len(rows) == len(others)
    for ours, theirs in zip(rows, others):
        for name in set(ours) | set(theirs):
            mine, other = ours.get(name), theirs.get(name)
            if name.startswith("hyakuyo.nanoseconds."):
                continue
            assert same(mine, other), f"{reader}: row {ours['hyakuyo.sequence']}, {name}: {mine!r} is read as {other!r}"


def test_values_are_what_was_written(parts):
    _, rows = parts
    assert [row["hyakuyo.sequence"] for row in rows] == list(range(1, 5001))
    assert rows[6]["source.bytes"] == -(2**63) and rows[7]["source.bytes"] == 2**63 - 1
    assert rows[0]["message"].startswith("日本語 🌤") and rows[3]["message"] == ""
    assert rows[1]["tags"] == ["first", rows[1]["source.ip"]] and rows[2]["tags"] is None
    assert rows[998]["event.start"] == -14182939500000
    assert rows[3999]["event.original"] == "テスト" and rows[3999]["hyakuyo.original_base64"] == "g2WDWINn"
    assert rows[0]["@timestamp"] == 1762732390123456


def test_pyarrow_reads_the_same(parts):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (tests/requirements.txt)")
    files, rows = parts
    others = []
    for path in files:
        table = parquet.ParquetFile(path).read()
        for row in table.to_pylist():
            others.append({name: microseconds(value) for name, value in row.items()})
    compare(rows, others, "pyarrow")


def test_pyarrow_finds_the_statistics_and_metadata(parts):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (tests/requirements.txt)")
    files, rows = parts
    metadata = parquet.ParquetFile(files[0]).metadata
    assert metadata.num_rows == 4000 and metadata.created_by.startswith("hyakuyo version ")
    assert metadata.metadata[b"hyakuyo.format_version"] == b"1"
    assert metadata.metadata[b"hyakuyo.first_sequence"] == b"1"
    assert metadata.metadata[b"hyakuyo.last_sequence"] == b"4000"
    group = metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert all(column.has_offset_index for column in columns.values())
    sequence = columns["hyakuyo.sequence"].statistics
    assert (sequence.min, sequence.max, sequence.null_count) == (1, 4000, 0)
    score = columns["event.risk_score"].statistics
    assert score.null_count == 4000 - 363 and math.isclose(score.max, 3993 / 7)
    assert columns["message"].statistics.min == ""
    schema = parquet.ParquetFile(files[0]).schema_arrow
    assert str(schema.field("@timestamp").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("source.ip").type) == "string" and str(schema.field("tags").type).startswith("list<")


def test_chdb_reads_the_same(parts):
    chdb = pytest.importorskip("chdb", reason="chdb is not installed (tests/requirements.txt)")
    files, rows = parts
    others = []
    for path in files:
        answer = chdb.query(
            f"SELECT * REPLACE (toUnixTimestamp64Micro(\"@timestamp\") AS \"@timestamp\", "
            f"toUnixTimestamp64Micro(\"event.ingested\") AS \"event.ingested\", "
            f"toUnixTimestamp64Micro(\"event.start\") AS \"event.start\") FROM file('{path}', Parquet) "
            f"ORDER BY \"hyakuyo.sequence\" SETTINGS output_format_json_quote_64bit_integers=0, "
            f"output_format_json_quote_64bit_floats=0, use_hive_partitioning=0", "JSONEachRow")
        for line in str(answer).splitlines():
            row = json.loads(line)
            row["tags"] = row["tags"] or None  # an absent list is an empty one there
            others.append(row)
    compare(rows, others, "chdb")


def test_chdb_filters_by_statistics_and_bloom(parts):
    chdb = pytest.importorskip("chdb", reason="chdb is not installed (tests/requirements.txt)")
    files, rows = parts
    needle = rows[1234]["source.ip"]
    for path, low, high in ((files[0], 1, 4000), (files[1], 4001, 5000)):
        expected = sum(1 for row in rows if row["source.ip"] == needle and low <= row["hyakuyo.sequence"] <= high)
        answer = chdb.query(f"SELECT count() FROM file('{path}', Parquet) WHERE \"source.ip\" = '{needle}' "
                            f"SETTINGS input_format_parquet_bloom_filter_push_down=1", "CSV")
        assert int(str(answer)) == expected
