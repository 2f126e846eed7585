"""The store: durable, atomic, ordered, and listing at a flat cost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import store as store_module
from localcloud.sagemaker.store import AlreadyExists, NotFound, Query, Store

KIND = "training-job"
REPOSITORY = Path(__file__).parents[4]

# Writes documents as fast as it can and says so after each; it is killed in the middle of that.
_WRITER = """
import sys
from pathlib import Path
from localcloud.sagemaker.store import Store
store = Store(Path(sys.argv[1]))
store.create("counter", "c", {"n": 0})
for number in range(1, 100_000):
    store.create("training-job", f"job-{number}", {"TrainingJobName": f"job-{number}"})
    store.update("counter", "c", lambda document: document.update(n=number))
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state" / "sagemaker.db")
    yield opened
    opened.close()


def test_a_document_is_returned_as_it_was_created(store: Store) -> None:
    document = {"TrainingJobName": "a", "CreationTime": 1.5, "HyperParameters": {"b": "1", "a": "ü"}, "_private": [1]}
    assert store.create(KIND, "a", document) == document
    assert store.get(KIND, "a") == document
    assert list(store.get(KIND, "a")["HyperParameters"]) == ["b", "a"]


def test_what_get_returns_is_a_copy(store: Store) -> None:
    store.create(KIND, "a", {"Tags": []})
    store.get(KIND, "a")["Tags"].append("changed")
    assert store.get(KIND, "a") == {"Tags": []}


def test_a_missing_resource_is_named_in_the_error(store: Store) -> None:
    for call in (store.get, store.delete, lambda kind, name: store.update(kind, name, lambda _: None)):
        with pytest.raises(NotFound, match="no training-job named 'absent'"):
            call(KIND, "absent")


def test_names_ignore_case_and_keep_it(store: Store) -> None:
    store.create("endpoint", "MyEndpoint", {"EndpointName": "MyEndpoint"})
    with pytest.raises(AlreadyExists):
        store.create("endpoint", "myendpoint", {})
    assert store.get("endpoint", "myendpoint") == {"EndpointName": "MyEndpoint"}


def test_one_name_may_be_taken_once_for_each_kind(store: Store) -> None:
    store.create("model", "a", {})
    store.create("endpoint", "a", {})
    with pytest.raises(AlreadyExists, match="a model named 'a' already exists"):
        store.create("model", "a", {})


def test_of_many_concurrent_creates_of_one_name_exactly_one_succeeds(store: Store) -> None:
    barrier = threading.Barrier(16)

    def create(number: int) -> bool:
        barrier.wait()
        try:
            store.create(KIND, "contested", {"by": number})
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(create, range(16)))
    assert outcomes.count(True) == 1
    assert store.get(KIND, "contested") == {"by": outcomes.index(True)}


def test_concurrent_updates_are_not_lost(store: Store) -> None:
    store.create(KIND, "counter", {"n": 0})

    def increment(_: int) -> None:
        store.update(KIND, "counter", lambda document: document.update(n=document["n"] + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(200)))
    assert store.get(KIND, "counter") == {"n": 200}


def test_an_update_that_raises_changes_nothing(store: Store) -> None:
    store.create(KIND, "a", {"n": 1})
    changes: list[Any] = []

    def change(document: dict[str, Any]) -> None:
        document["n"] = 2
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        store.update(KIND, "a", change)
    store.subscribe(lambda *change: changes.append(change))
    assert store.flush(timeout=20)
    assert store.get(KIND, "a") == {"n": 1}
    assert changes == [(KIND, None, {"n": 1})]


def test_a_document_that_is_not_json_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.create(KIND, "a", {"n": float("nan")})
    with pytest.raises(NotFound):
        store.get(KIND, "a")


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "sagemaker.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    acknowledged = [int(line) for line in islice(process.stdout, 50)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()

    store = Store(path)
    try:
        assert len(acknowledged) >= 50
        for number in acknowledged:
            assert store.get(KIND, f"job-{number}") == {"TrainingJobName": f"job-{number}"}
        written = store.get("counter", "c")["n"]
        assert written - acknowledged[-1] in (0, 1)  # the one in flight may or may not be there
        assert len(list(store.list(KIND))) - written in (0, 1)
        delivered: list[str] = []
        store.subscribe(lambda kind, before, after: delivered.append(kind))
        assert store.flush(timeout=60)
        assert len(delivered) >= 2 * len(acknowledged) + 1  # what was never delivered still is
    finally:
        store.close()


def test_a_full_disk_refuses_the_write_and_nothing_else(store: Store) -> None:
    store.create(KIND, "before", {"n": 1})
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.create(KIND, "refused", {"text": "x" * 1_000_000})
    assert store.get(KIND, "before") == {"n": 1}
    store._writer.execute("PRAGMA max_page_count = 1000000")
    with pytest.raises(NotFound):
        store.get(KIND, "refused")
    store.create(KIND, "after", {})


def test_the_file_is_written_through_to_the_disk(store: Store) -> None:
    modes = [store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]  # 2 is FULL


def test_changes_are_delivered_in_commit_order_with_both_states(store: Store) -> None:
    changes: list[Any] = []
    store.subscribe(lambda *change: changes.append(change))
    store.create(KIND, "a", {"n": 1})
    store.update(KIND, "a", lambda document: document.update(n=2))
    store.update(KIND, "a", lambda document: document.update(n=2))  # no change, no delivery
    store.delete(KIND, "a")
    assert store.flush(timeout=20)
    assert changes == [(KIND, None, {"n": 1}), (KIND, {"n": 1}, {"n": 2}), (KIND, {"n": 2}, None)]


def test_the_order_of_delivery_is_that_of_the_commits_under_concurrency(store: Store) -> None:
    seen: list[int] = []
    store.create(KIND, "counter", {"n": 0})
    store.subscribe(lambda kind, before, after: seen.append(after["n"]))

    def increment(_: int) -> None:
        store.update(KIND, "counter", lambda document: document.update(n=document["n"] + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(100)))
    assert store.flush(timeout=20)
    assert seen == list(range(101))


def test_a_listener_may_write_to_the_store(store: Store) -> None:
    def follow(kind: str, before: Any, after: Any) -> None:
        if kind == "model":
            store.create("shadow", "of-" + after["name"], {})

    store.subscribe(follow)
    store.create("model", "a", {"name": "a"})
    assert store.flush(timeout=20)
    assert store.get("shadow", "of-a") == {}


def test_a_failing_listener_is_tried_again_and_keeps_the_order(store: Store) -> None:
    seen: list[int] = []
    failures = iter([True, True])

    def listener(kind: str, before: Any, after: Any) -> None:
        if next(failures, False):
            raise ConnectionError("not yet")
        seen.append(after["n"])

    store.subscribe(listener)
    store.create(KIND, "a", {"n": 1})
    store.create(KIND, "b", {"n": 2})
    assert store.flush(timeout=20)
    assert seen == [1, 2]


def test_changes_undelivered_when_the_store_closes_are_delivered_by_the_next_one(tmp_path: Path) -> None:
    first = Store(tmp_path / "s.db")
    entered = threading.Event()

    def failing(kind: str, before: Any, after: Any) -> None:
        entered.set()
        raise ConnectionError("down")

    first.subscribe(failing)
    first.create(KIND, "a", {"n": 1})
    assert entered.wait(timeout=20)
    first.close()

    second = Store(tmp_path / "s.db")
    seen: list[Any] = []
    second.subscribe(lambda *change: seen.append(change))
    try:
        assert second.flush(timeout=20)
        assert seen == [(KIND, None, {"n": 1})]
    finally:
        second.close()


def test_delivered_changes_are_not_delivered_again(tmp_path: Path) -> None:
    first = Store(tmp_path / "s.db")
    first.subscribe(lambda *change: None)
    first.create(KIND, "a", {})
    assert first.flush(timeout=20)
    first.close()

    second = Store(tmp_path / "s.db")
    seen: list[Any] = []
    second.subscribe(lambda *change: seen.append(change))
    assert second.flush(timeout=20)
    second.close()
    assert seen == []


@pytest.mark.parametrize("sort", store_module.SORT_COLUMNS)
def test_documents_without_the_member_sorted_by_are_listed_too(store: Store, sort: str) -> None:
    for number in range(40):
        store.create(KIND, f"j{number:02}", {"n": number})
    assert [document["n"] for document in store.list(KIND, Query(sort=sort))] == list(range(40))


def test_every_order_of_a_listing_is_read_from_an_index(store: Store) -> None:
    """What makes a page of 10,000 jobs cost as much as one of ten."""
    for sort in store_module.SORT_COLUMNS:
        query = Query(sort=sort, descending=True)
        assert_read_in_order(store, query)


def test_a_listing_by_status_or_group_reads_no_others(store: Store) -> None:
    assert "status=?" in assert_read_in_order(store, Query(status="Failed"))
    assert "parent=?" in assert_read_in_order(store, Query(parent="digits", descending=True))


def assert_read_in_order(store: Store, query: Query) -> str:
    """SQLite's plan for a page of the query, which may sort nothing itself."""
    statement, values = store_module._select_page(KIND, query, (0, "x"), 10)
    with closing(sqlite3.connect(store._path)) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))
    assert "SEARCH resource USING" in plan
    assert "TEMP B-TREE" not in plan
    return plan


def test_sorting_by_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot sort by 'size'; known: name, created, modified, status"):
        Query(sort="size")


_documents = st.lists(
    st.fixed_dictionaries(
        {
            "CreationTime": st.integers(0, 5).map(float),
            "LastModifiedTime": st.integers(0, 5).map(float),
            "TrainingJobStatus": st.sampled_from(["InProgress", "Completed", "Failed"]),
        }
    ),
    max_size=12,
)
_queries = st.builds(
    Query,
    sort=st.sampled_from(store_module.SORT_COLUMNS),
    descending=st.booleans(),
    name_contains=st.none() | st.sampled_from(["j", "1", "%", "_"]),
    status=st.none() | st.sampled_from(["InProgress", "Failed"]),
    created_after=st.none() | st.integers(0, 5),
    created_before=st.none() | st.integers(0, 5),
    modified_after=st.none() | st.integers(0, 5),
    modified_before=st.none() | st.integers(0, 5),
)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("listing") / "s.db")
    yield opened
    opened.close()


@settings(max_examples=60, deadline=None)
@given(documents=_documents, query=_queries)
def test_a_listing_is_the_filtered_and_sorted_documents(
    shared_store: Store, documents: list[dict[str, Any]], query: Query
) -> None:
    kind = f"kind-{next(_counter)}"
    for number, document in enumerate(documents):
        shared_store.create(kind, f"j{number}", {**document, "TrainingJobName": f"j{number}"})
    stored = [{**document, "TrainingJobName": f"j{number}"} for number, document in enumerate(documents)]
    expected = sorted((document for document in stored if _matches(document, query)), key=_key(query.sort))
    if query.descending:
        expected.reverse()
    assert list(shared_store.list(kind, query)) == expected


_counter = iter(range(10_000))


def _matches(document: dict[str, Any], query: Query) -> bool:
    created, modified = document["CreationTime"], document["LastModifiedTime"]
    return (
        (query.name_contains is None or query.name_contains in document["TrainingJobName"])
        and (query.status is None or document["TrainingJobStatus"] == query.status)
        and (query.created_after is None or created > query.created_after)
        and (query.created_before is None or created < query.created_before)
        and (query.modified_after is None or modified > query.modified_after)
        and (query.modified_before is None or modified < query.modified_before)
    )


def _key(sort: str) -> Any:
    member = {
        "name": "TrainingJobName",
        "created": "CreationTime",
        "modified": "LastModifiedTime",
        "status": "TrainingJobStatus",
    }[sort]
    return lambda document: (document[member], document["TrainingJobName"])


def test_a_listing_longer_than_its_batches_is_complete_and_can_be_continued(store: Store) -> None:
    for number in range(60):
        store.create(KIND, f"j{number:02}", {"TrainingJobName": f"j{number:02}", "CreationTime": float(number // 2)})
    pages = store.list_with_position(KIND, Query())
    first = list(islice(pages, 4))
    rest = store.list(KIND, Query(after=first[-1][1]))
    names = [document["TrainingJobName"] for document, _ in first] + [document["TrainingJobName"] for document in rest]
    assert names == [f"j{number:02}" for number in range(60)]


def test_documents_of_an_earlier_version_are_found_by_the_columns_of_this_one(tmp_path: Path) -> None:
    """A kind that the earlier version did not know has its status in no column of it."""
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as earlier:
        earlier.executescript(
            "CREATE TABLE resource (kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, document TEXT NOT NULL,"
            " status TEXT AS (json_extract(document, '$.TrainingJobStatus')) VIRTUAL, PRIMARY KEY (kind, name)"
            ") WITHOUT ROWID; CREATE INDEX resource_status ON resource (kind, status, name)"
        )
        document = '{"TransformJobName": "Kept", "TransformJobStatus": "InProgress"}'
        earlier.execute("INSERT INTO resource (kind, name, document) VALUES ('transform-job', 'Kept', ?)", (document,))
        earlier.commit()
    for _ in range(2):
        with closing(Store(path)) as store:
            (found,) = store.list("transform-job", Query(status="InProgress"))
            assert found["TransformJobName"] == "Kept"
            assert store.get("transform-job", "kept") == found


def test_a_table_of_this_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Store(path).close()

    def page() -> int:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'resource'").fetchone()[0]

    before, versions = page(), []
    for _ in range(2):
        Store(path).close()
        with closing(sqlite3.connect(path)) as connection:
            versions.append(connection.execute("PRAGMA schema_version").fetchone()[0])
    assert page() == before
    assert versions[0] == versions[1], "the schema was changed again"
