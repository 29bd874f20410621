"""ZMQ that is only half there: a topic that is named but never comes must not keep a whale back."""

from collections.abc import Callable

import pytest

from app.core.observations import TransactionLeft
from tests.node.conftest import source_of
from tests.node.listener import NodeListener
from tests.node.node import Node
from tests.node.parts import free_port

pytestmark = pytest.mark.node

TOPICS = ("rawtx", "sequence", "hashblock")


def one_port(node: Node) -> dict[str, str]:
    return dict.fromkeys(TOPICS, f"tcp://127.0.0.1:{node.zmq_port}")


@pytest.mark.parametrize("published", [("rawtx",), ("rawtx", "hashblock"), ("sequence",), ("hashblock",)])
async def test_a_topic_that_is_named_and_not_published_keeps_no_whale_back(
    make_node: Callable[..., Node], published: tuple[str, ...]
) -> None:
    node = make_node(zmq=published)
    source = source_of(node, one_port(node))
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        await listener.seen(whale)
        (block,) = node.mine()
        await listener.block(block)

    await source.close()
    assert not [one for one in listener.received if isinstance(one, TransactionLeft) and whale in one.txids]


async def test_a_sequence_port_where_nobody_answers_keeps_no_whale_back(
    make_node: Callable[..., Node],
) -> None:
    node = make_node()
    urls = {**one_port(node), "sequence": f"tcp://127.0.0.1:{free_port()}"}
    source = source_of(node, urls)
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        await listener.seen(whale)

    await source.close()


async def test_a_rawtx_port_that_is_another_topics_keeps_no_whale_back(
    make_node: Callable[..., Node],
) -> None:
    node = make_node(zmq=("sequence", "hashblock"))
    source = source_of(node, one_port(node))
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        await listener.seen(whale)

    await source.close()
