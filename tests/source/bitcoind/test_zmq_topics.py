"""A topic is heard when it spoke, or when the node publishes it on that very port."""

from app.source.bitcoind.shapes import Notifier
from app.source.bitcoind.zmq_topics import Topics

PORT = "tcp://node:28332"
OTHER_PORT = "tcp://node:28333"


def some_topics(*published: tuple[str, str], **urls: str) -> Topics:
    topics = Topics(urls)
    topics.begin([Notifier(type=f"pub{topic}", address=address) for topic, address in published])
    for url in set(urls.values()):
        topics.linked(url)
    return topics


def test_what_the_node_publishes_on_that_port_is_heard_before_it_speaks() -> None:
    topics = some_topics(("rawtx", "tcp://0.0.0.0:28332"), rawtx=PORT)

    assert topics.receives("rawtx")


def test_another_topics_port_is_not_heard_though_it_is_connected() -> None:
    topics = some_topics(("rawtx", PORT), ("sequence", OTHER_PORT), rawtx=PORT, sequence=PORT)

    assert (topics.receives("rawtx"), topics.receives("sequence")) == (True, False)


def test_behind_a_port_mapping_the_first_message_decides() -> None:
    topics = some_topics(("rawtx", OTHER_PORT), rawtx=PORT)
    before = topics.receives("rawtx")

    topics.spoke("rawtx")

    assert (before, topics.receives("rawtx")) == (False, True)


def test_a_topic_that_spoke_is_not_heard_while_its_link_is_down() -> None:
    topics = some_topics(("rawtx", PORT), rawtx=PORT)

    topics.unlinked(PORT)

    assert not topics.receives("rawtx")


def test_a_connected_topic_that_says_nothing_is_named_as_such() -> None:
    topics = some_topics(("sequence", PORT), ("hashblock", PORT), rawtx=PORT, sequence=PORT, hashblock=PORT)

    assert topics.missing() == ["ZMQ rawtx says nothing yet: what waits is read each 10 s instead"]


def test_no_block_yet_is_no_fault_where_sequence_tells_of_blocks() -> None:
    topics = some_topics(rawtx=PORT, sequence=PORT, hashblock=PORT)
    for topic in ("rawtx", "sequence"):
        topics.spoke(topic)

    assert topics.missing() == []
