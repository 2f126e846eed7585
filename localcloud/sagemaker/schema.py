"""The tables of the store, and how those of an earlier version become these."""

from __future__ import annotations

import sqlite3

# Sort and filter columns are generated from the document, so that a document can never disagree with its index.
# None of the sort columns is ever NULL, which would compare with nothing and end a listing early.
_RESOURCE = """CREATE TABLE resource (
    kind TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    document TEXT NOT NULL,
    created REAL AS (coalesce(json_extract(document, '$.CreationTime'), 0)) VIRTUAL,
    modified REAL AS (coalesce(json_extract(document, '$.LastModifiedTime'),
                               json_extract(document, '$.CreationTime'), 0)) VIRTUAL,
    status TEXT AS (coalesce(json_extract(document, '$.TrainingJobStatus'),
                             json_extract(document, '$.ProcessingJobStatus'),
                             json_extract(document, '$.HyperParameterTuningJobStatus'),
                             json_extract(document, '$.TransformJobStatus'),
                             json_extract(document, '$.EndpointStatus'),
                             json_extract(document, '$.ModelPackageStatus'),
                             json_extract(document, '$.PipelineExecutionStatus'), '')) VIRTUAL,
    parent TEXT AS (coalesce(json_extract(document, '$.ModelPackageGroupName'),
                             json_extract(document, '$._Pipeline'))) VIRTUAL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID"""
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS resource_created ON resource (kind, created, name)",
    "CREATE INDEX IF NOT EXISTS resource_modified ON resource (kind, modified, name)",
    "CREATE INDEX IF NOT EXISTS resource_status ON resource (kind, status, name)",
    "CREATE INDEX IF NOT EXISTS resource_status_created ON resource (kind, status, created, name)",
    "CREATE INDEX IF NOT EXISTS resource_parent ON resource (kind, parent, created, name)",
)
_OUTBOX = """CREATE TABLE IF NOT EXISTS outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    before TEXT,
    after TEXT
)"""


def prepare(connection: sqlite3.Connection) -> None:
    """Creates what is missing, in one transaction; a table of another version is made anew around its documents."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _prepare(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection) -> None:
    stored = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'resource'").fetchone()
    if stored is None:
        connection.execute(_RESOURCE)
    elif stored[0] != _RESOURCE:
        connection.execute("ALTER TABLE resource RENAME TO resource_before")
        connection.execute(_RESOURCE)
        connection.execute(
            "INSERT INTO resource (kind, name, document) SELECT kind, name, document FROM resource_before"
        )
        connection.execute("DROP TABLE resource_before")
    for statement in (*_INDEXES, _OUTBOX):
        connection.execute(statement)
