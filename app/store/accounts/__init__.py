"""How right Spout was, as rows: written with what they are of, added up in SQL, old days kept as sums."""

from app.store.accounts.days import Touched
from app.store.accounts.keeping import keep_days
from app.store.accounts.ledger import Judged, Ledger
from app.store.accounts.reading import AccountStore

__all__ = ["AccountStore", "Judged", "Ledger", "Touched", "keep_days"]
