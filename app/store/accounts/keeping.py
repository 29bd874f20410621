"""Days that go with the retention leave their sums behind."""

from datetime import datetime

from app.store.accounts.days import decided
from app.store.accounts.ledger import day_of, kept_before
from app.store.connections import Connection
from app.store.records import encoded


def keep_days(connection: Connection, before: datetime) -> None:
    """Add up the days that ended before `before`, then forget their rows. What still waits stays."""
    last = day_of(before)
    if last <= kept_before(connection):
        return
    for day, sums in decided(connection, f"final_day < {last:d}", f"day < {last:d}").items():
        for group, one in sums.groups():
            connection.execute(
                "INSERT INTO daily_accuracy VALUES (?, ?, ?, ?, ?)", [day, *group, encoded(one)]
            )
        leads = sums.lead_times()
        if leads.p50 is not None:
            connection.execute(
                "INSERT INTO daily_lead_times VALUES (?, ?, ?, ?)", [day, leads.p10, leads.p50, leads.p90]
            )
    connection.execute(f"DELETE FROM forecast_outcomes WHERE final_day < {last:d}")  # noqa: S608 - a number of ours
    connection.execute(f"DELETE FROM whale_outcomes WHERE day < {last:d}")  # noqa: S608 - a number of ours
    connection.execute("DELETE FROM meta WHERE key = 'accounts_from'")
    connection.execute("INSERT INTO meta VALUES ('accounts_from', ?)", [str(last)])
