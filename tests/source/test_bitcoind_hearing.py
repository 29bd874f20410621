"""A topic is heard when it spoke, or when the node publishes it on that very port."""

from app.source.bitcoind_hearing import Hearing
from app.source.bitcoind_shapes import Notifier

PORT = "tcp://node:28332"
OTHER_PORT = "tcp://node:28333"


def a_hearing(*published: tuple[str, str], **urls: str) -> Hearing:
    hearing = Hearing(urls)
    hearing.begin([Notifier(type=f"pub{topic}", address=address) for topic, address in published])
    for url in set(urls.values()):
        hearing.linked(url)
    return hearing


def test_what_the_node_publishes_on_that_port_is_heard_before_it_speaks() -> None:
    hearing = a_hearing(("rawtx", "tcp://0.0.0.0:28332"), rawtx=PORT)

    assert hearing.hears("rawtx")


def test_another_topics_port_is_not_heard_though_it_is_connected() -> None:
    hearing = a_hearing(("rawtx", PORT), ("sequence", OTHER_PORT), rawtx=PORT, sequence=PORT)

    assert (hearing.hears("rawtx"), hearing.hears("sequence")) == (True, False)


def test_behind_a_port_mapping_the_first_message_decides() -> None:
    hearing = a_hearing(("rawtx", OTHER_PORT), rawtx=PORT)
    before = hearing.hears("rawtx")

    hearing.spoke("rawtx")

    assert (before, hearing.hears("rawtx")) == (False, True)


def test_a_topic_that_spoke_is_not_heard_while_its_link_is_down() -> None:
    hearing = a_hearing(("rawtx", PORT), rawtx=PORT)

    hearing.unlinked(PORT)

    assert not hearing.hears("rawtx")


def test_a_connected_topic_that_says_nothing_is_named_as_such() -> None:
    hearing = a_hearing(("sequence", PORT), ("hashblock", PORT), rawtx=PORT, sequence=PORT, hashblock=PORT)

    assert hearing.missing() == ["ZMQ rawtx says nothing yet: what waits is read each 10 s instead"]


def test_no_block_yet_is_no_fault_where_sequence_tells_of_blocks() -> None:
    hearing = a_hearing(rawtx=PORT, sequence=PORT, hashblock=PORT)
    for topic in ("rawtx", "sequence"):
        hearing.spoke(topic)

    assert hearing.missing() == []
