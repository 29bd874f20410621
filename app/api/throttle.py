"""Throttles password attempts. Pure: the time is an argument."""

import math
from ipaddress import IPv6Address, ip_address

from app.core.recent import Recent

_FREE_TRIES = 5
_LONGEST_WAIT_SECONDS = 300.0
_ALL_TRIES, _ALL_A_SECOND = 60, 1.0
_FORGET_SECONDS = 3_600.0
_MOST_ADDRESSES = 2_000


class Throttle:
    """Five attempts per address, then a delay that doubles from 2 s to 5 minutes; and a limit for all.

    All together: 60 at once, refilled one a second, for unknown addresses. So an attack from many addresses
    delays the operator by a second, not a minute, and a known browser not at all. An attempt counts when it
    begins, so that concurrent ones gain nothing; success resets the address.
    """

    def __init__(self) -> None:
        self._tries: Recent[str, tuple[int, float]] = Recent(_MOST_ADDRESSES)
        self._left, self._left_at = float(_ALL_TRIES), 0.0

    def begin(self, address: str, at: float, *, known: bool = False) -> int:
        """Return 0 and count the attempt, or the whole seconds to wait (it is then not counted).

        `known`: `address` names a browser that has logged in before.
        """
        self._left = min(float(_ALL_TRIES), self._left + (at - self._left_at) * _ALL_A_SECOND)
        self._left_at = at
        place = _place(address)
        tries, last = self._tries.get(place) or (0, at)
        own = min(2.0 ** (tries - _FREE_TRIES + 1), _LONGEST_WAIT_SECONDS) if tries >= _FREE_TRIES else 0.0
        overall = 0.0 if known or self._left >= 1 else (1 - self._left) / _ALL_A_SECOND
        wait = max(own - (at - last), overall)
        if wait > 0:
            return math.ceil(wait)
        self._tries.put(place, (1 if at - last > _FORGET_SECONDS else tries + 1, at))
        self._left -= 0 if known else 1
        return 0

    def succeeded(self, address: str) -> None:
        self._tries.pop(_place(address))


def _place(address: str) -> str:
    """Return the key for an address; a home has a whole /64 of IPv6 addresses."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(known) >> 64 << 64)) if isinstance(known, IPv6Address) else address
