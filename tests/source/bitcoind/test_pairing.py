"""Who came, who went and who took whose place, from the order of the node's words."""

from app.core.models import Input, Output, Transaction
from app.core.units import Outpoint, Sats, Script, Txid
from app.source.bitcoind.pairing import Arrival, Arrivals


def a_transaction(name: str, spends: str = "coin") -> Transaction:
    return Transaction(
        txid=Txid(name),
        inputs=(Input(outpoint=Outpoint(Txid(spends), 0)),),
        outputs=(Output(value=Sats(1), script=Script("51")),),
    )


def test_bytes_alone_are_no_arrival() -> None:
    assert Arrivals().bytes_came(a_transaction("a")) is None


def test_bytes_and_then_the_word_are_one() -> None:
    arrivals, tx = Arrivals(), a_transaction("a")
    arrivals.bytes_came(tx)

    assert arrivals.entered(tx.txid, 1) == Arrival(tx)


def test_the_word_and_then_bytes_are_one() -> None:
    arrivals, tx = Arrivals(), a_transaction("a")
    arrivals.entered(tx.txid, 1)

    assert arrivals.bytes_came(tx) == Arrival(tx)


def test_bytes_that_come_again_with_a_block_are_none() -> None:
    arrivals, tx = Arrivals(), a_transaction("a")
    arrivals.bytes_came(tx)
    arrivals.entered(tx.txid, 1)

    assert arrivals.bytes_came(tx) is None


def test_one_removed_before_its_bytes_came_is_none() -> None:
    arrivals, tx = Arrivals(), a_transaction("a")
    arrivals.entered(tx.txid, 1)
    arrivals.removed(tx.txid, 2)

    assert arrivals.bytes_came(tx) is None


def test_the_one_removed_just_before_for_the_same_coin_is_the_victim() -> None:
    arrivals, old, new = Arrivals(), a_transaction("old"), a_transaction("new")
    arrivals.follow(old)
    arrivals.bytes_came(new)
    arrivals.removed(old.txid, 7)

    assert arrivals.entered(new.txid, 8) == Arrival(new, (old.txid,))


def test_one_replacement_may_have_many_victims() -> None:
    arrivals, new = Arrivals(), a_transaction("new")
    arrivals.follow(a_transaction("first"))
    other = a_transaction("second", spends="other")
    arrivals.follow(other)
    both = Transaction(txid=new.txid, inputs=new.inputs + other.inputs, outputs=new.outputs)
    arrivals.bytes_came(both)
    arrivals.removed(Txid("first"), 7)
    arrivals.removed(Txid("second"), 8)

    assert arrivals.entered(both.txid, 9) == Arrival(both, (Txid("first"), Txid("second")))


def test_one_removed_earlier_is_no_victim() -> None:
    arrivals, old, new = Arrivals(), a_transaction("old"), a_transaction("new")
    arrivals.follow(old)
    arrivals.removed(old.txid, 7)
    arrivals.entered(Txid("between"), 8)
    arrivals.bytes_came(new)

    assert arrivals.entered(new.txid, 9) == Arrival(new)


def test_a_rival_is_another_that_spends_the_same() -> None:
    arrivals, old = Arrivals(), a_transaction("old")
    arrivals.follow(old)

    assert (arrivals.rivals(a_transaction("new")), arrivals.rivals(old)) == ((old.txid,), ())


def test_a_forgotten_one_has_no_rivals() -> None:
    arrivals, old = Arrivals(), a_transaction("old")
    arrivals.follow(old)
    arrivals.forget(old.txid)

    assert arrivals.rivals(a_transaction("new")) == ()
