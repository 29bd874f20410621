"""What a power cut or a failing disk does to the files: Spout starts all the same, and says what happened."""

from pathlib import Path

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import SpoutProcess


def with_whales(backend: BackendProcess, spout: SpoutProcess, count: int = 3) -> list[str]:
    whales = [a_whale() for _ in range(count)]
    spout.start()
    backend.add(*whales)
    for whale in whales:
        spout.wait_for(whale.txid, status="pending")
    return [whale.txid for whale in whales]


def damage(path: Path, share: float) -> None:
    """Overwrite some bytes at that share of the file."""
    place = int(path.stat().st_size * share)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xde\xad\xbe\xef" * 16)


def test_a_damaged_log_is_set_aside_and_told_and_what_waits_is_found_again(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    whales = with_whales(own_backend, own_spout)
    own_spout.kill()
    damage(own_spout.data_dir / "spout.duckdb.wal", 0.4)

    own_spout.start()

    assert "wal_set_aside" in own_spout.notices()
    for txid in whales:
        own_spout.wait_for(txid, status="pending")


def test_a_torn_log_is_told_and_no_number_is_given_twice(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    with_whales(own_backend, own_spout)
    log = own_spout.data_dir / "spout.duckdb.wal"
    whole = log.stat().st_size
    own_backend.add(torn := a_whale())
    own_spout.wait_for(torn.txid, status="pending")
    last = own_spout.listen(after=0)
    last.wait_for("whale.detected", torn.txid)
    own_spout.kill()
    with log.open("r+b") as file:
        file.truncate(whole + 40)

    own_spout.start()

    assert "events_lost" in own_spout.notices()
    own_backend.add(fresh := a_whale())
    event = own_spout.listen(after=0).wait_for("whale.detected", fresh.txid)
    assert event["sequence"] > max(last.sequences)


def test_a_damaged_database_is_set_aside_and_a_fresh_one_begun(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    whales = with_whales(own_backend, own_spout)
    own_spout.stop()
    (own_spout.data_dir / "spout.duckdb").write_bytes(b"no database at all" * 1000)

    own_spout.start()

    assert "database_set_aside" in own_spout.notices()
    for txid in whales:
        own_spout.wait_for(txid, status="pending")
    kept = [path.name for path in own_spout.data_dir.iterdir()]
    assert any("spout.duckdb" in name and name != "spout.duckdb" for name in kept)
