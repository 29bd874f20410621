"""Persistent storage: DuckDB in the data directory, one writing thread, events stored before publication."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.store.accounts import AccountStore as AccountStore
    from app.store.backup import BACKUP_PURPOSE as BACKUP_PURPOSE
    from app.store.backup import BACKUPS as BACKUPS
    from app.store.backup import RESTORING as RESTORING
    from app.store.backup import BadBackupError as BadBackupError
    from app.store.backup import Installed as Installed
    from app.store.backup import Prepared as Prepared
    from app.store.backup import backups_in as backups_in
    from app.store.backup import believed_first as believed_first
    from app.store.backup import install as install
    from app.store.backup import keep_latest as keep_latest
    from app.store.backup import made_at as made_at
    from app.store.backup import merge as merge
    from app.store.backup import name_at as name_at
    from app.store.backup import operator_rows as operator_rows
    from app.store.backup import prepare as prepare
    from app.store.backup import write_backup as write_backup
    from app.store.connections import Connection as Connection
    from app.store.connections import Limits as Limits
    from app.store.connections import checked as checked
    from app.store.connections import connect as connect
    from app.store.database import Database as Database
    from app.store.exporting import EXPORTING as EXPORTING
    from app.store.exporting import ExportFormat as ExportFormat
    from app.store.exporting import Piece as Piece
    from app.store.exporting import exported as exported
    from app.store.lock import CANNOT_LOCK as CANNOT_LOCK
    from app.store.lock import RUNNING as RUNNING
    from app.store.lock import hold as hold
    from app.store.migrations import LATEST as LATEST
    from app.store.migrations import refuse_newer as refuse_newer
    from app.store.migrations import schema_version as schema_version
    from app.store.opening import DATABASE_FILE as DATABASE_FILE
    from app.store.opening import Opened as Opened
    from app.store.opening import open_database as open_database
    from app.store.operator import COMMAND_LINE as COMMAND_LINE
    from app.store.operator import OPERATOR_FILE as OPERATOR_FILE
    from app.store.operator import AuditLog as AuditLog
    from app.store.operator import KeyStore as KeyStore
    from app.store.operator import LabelStore as LabelStore
    from app.store.operator import ListedKey as ListedKey
    from app.store.operator import OpenedOperator as OpenedOperator
    from app.store.operator import OperatorFile as OperatorFile
    from app.store.operator import RecordedChange as RecordedChange
    from app.store.operator import SettingStore as SettingStore
    from app.store.operator import open_operator as open_operator
    from app.store.parsed_statements import execute as execute
    from app.store.parsed_statements import insert_columns as insert_columns
    from app.store.predictions import MOST_EVENTS as MOST_EVENTS
    from app.store.predictions import PredictionStore as PredictionStore
    from app.store.pulse import Pulse as Pulse
    from app.store.quarantine import SUFFIX as SUFFIX
    from app.store.recall import Recall as Recall
    from app.store.transitions import TransitionStore as TransitionStore

__getattr__ = lazily(
    __name__,
    {
        "app.store.accounts": ("AccountStore",),
        "app.store.backup": (
            "BACKUPS",
            "BACKUP_PURPOSE",
            "RESTORING",
            "BadBackupError",
            "Installed",
            "Prepared",
            "backups_in",
            "believed_first",
            "install",
            "keep_latest",
            "made_at",
            "merge",
            "name_at",
            "operator_rows",
            "prepare",
            "write_backup",
        ),
        "app.store.connections": ("Connection", "Limits", "checked", "connect"),
        "app.store.database": ("Database",),
        "app.store.exporting": ("EXPORTING", "ExportFormat", "Piece", "exported"),
        "app.store.lock": ("CANNOT_LOCK", "RUNNING", "hold"),
        "app.store.migrations": (
            "LATEST",
            "refuse_newer",
            "schema_version",
        ),
        "app.store.opening": (
            "DATABASE_FILE",
            "Opened",
            "open_database",
        ),
        "app.store.operator": (
            "AuditLog",
            "COMMAND_LINE",
            "KeyStore",
            "LabelStore",
            "ListedKey",
            "OPERATOR_FILE",
            "OpenedOperator",
            "OperatorFile",
            "RecordedChange",
            "SettingStore",
            "open_operator",
        ),
        "app.store.parsed_statements": ("execute", "insert_columns"),
        "app.store.predictions": ("MOST_EVENTS", "PredictionStore"),
        "app.store.pulse": ("Pulse",),
        "app.store.quarantine": ("SUFFIX",),
        "app.store.recall": ("Recall",),
        "app.store.transitions": ("TransitionStore",),
    },
)
