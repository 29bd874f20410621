"""Backups: one file that holds the history and the operator's data, and no secret.

The file is a DuckDB database, with a manifest and a MAC behind its last block, which DuckDB ignores. A
restore treats it as a stranger's: another process opens it, and sends rows, which are checked here;
without a good MAC no key and no endpoint is taken from it.
"""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.store.backup.frames import BadBackupError as BadBackupError
    from app.store.backup.installing import Installed as Installed
    from app.store.backup.installing import install as install
    from app.store.backup.listing import BACKUPS as BACKUPS
    from app.store.backup.listing import backups_in as backups_in
    from app.store.backup.listing import believed_first as believed_first
    from app.store.backup.listing import keep_latest as keep_latest
    from app.store.backup.listing import made_at as made_at
    from app.store.backup.listing import name_at as name_at
    from app.store.backup.operator import merge as merge
    from app.store.backup.operator import operator_rows as operator_rows
    from app.store.backup.preparing import RESTORING as RESTORING
    from app.store.backup.preparing import Prepared as Prepared
    from app.store.backup.preparing import prepare as prepare
    from app.store.backup.seal import BACKUP_PURPOSE as BACKUP_PURPOSE
    from app.store.backup.seal import Manifest as Manifest
    from app.store.backup.seal import read_seal as read_seal
    from app.store.backup.writing import write_backup as write_backup

__getattr__ = lazily(
    __name__,
    {
        "app.store.backup.frames": ("BadBackupError",),
        "app.store.backup.installing": (
            "Installed",
            "install",
        ),
        "app.store.backup.listing": (
            "BACKUPS",
            "backups_in",
            "believed_first",
            "keep_latest",
            "made_at",
            "name_at",
        ),
        "app.store.backup.operator": (
            "merge",
            "operator_rows",
        ),
        "app.store.backup.preparing": (
            "RESTORING",
            "Prepared",
            "prepare",
        ),
        "app.store.backup.seal": (
            "BACKUP_PURPOSE",
            "Manifest",
            "read_seal",
        ),
        "app.store.backup.writing": ("write_backup",),
    },
)
