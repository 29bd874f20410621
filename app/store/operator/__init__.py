"""The operator's data in SQLite: the file, API keys, labels, settings, and what was changed."""

from app.store.operator.audit import COMMAND_LINE, AuditLog, RecordedChange
from app.store.operator.file import OPERATOR_FILE, OpenedOperator, OperatorFile, open_operator
from app.store.operator.keys import KeyStore, ListedKey
from app.store.operator.labels import LabelStore
from app.store.operator.settings import SettingStore

__all__ = [
    "COMMAND_LINE",
    "OPERATOR_FILE",
    "AuditLog",
    "KeyStore",
    "LabelStore",
    "ListedKey",
    "OpenedOperator",
    "OperatorFile",
    "RecordedChange",
    "SettingStore",
    "open_operator",
]
