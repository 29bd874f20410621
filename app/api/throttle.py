"""How often a password may be tried. Pure: the time comes as an argument."""

import math
from collections import deque
from ipaddress import IPv6Address, ip_address

from app.core.recent import Recent

_FREE_TRIES = 5
_LONGEST_WAIT_SECONDS = 300.0
_ALL_TRIES, _ALL_WINDOW_SECONDS = 60, 60.0
_FORGET_SECONDS = 3_600.0
_MOST_ADDRESSES = 2_000


class Throttle:
    """Five tries an address, then a wait that doubles from 2 s to 5 minutes; 60 tries a minute overall.

    A try counts when it begins, so that many at once gain nothing; success forgets the address.
    """

    def __init__(self) -> None:
        self._tries: Recent[str, tuple[int, float]] = Recent(_MOST_ADDRESSES)
        self._all: deque[float] = deque()

    def begin(self, address: str, at: float) -> int:
        """Return 0 and count the try, or the whole seconds to wait (it is then not counted)."""
        wait = self._wait(address, at)
        if wait > 0:
            return math.ceil(wait)
        place = _place(address)
        tries, last = self._tries.get(place) or (0, at)
        self._tries.put(place, (1 if at - last > _FORGET_SECONDS else tries + 1, at))
        self._all.append(at)
        return 0

    def succeeded(self, address: str) -> None:
        self._tries.pop(_place(address))

    def _wait(self, address: str, at: float) -> float:
        while self._all and at - self._all[0] >= _ALL_WINDOW_SECONDS:
            self._all.popleft()
        tries, last = self._tries.get(_place(address)) or (0, at)
        own = min(2.0 ** (tries - _FREE_TRIES + 1), _LONGEST_WAIT_SECONDS) if tries >= _FREE_TRIES else 0.0
        overall = _ALL_WINDOW_SECONDS - (at - self._all[0]) if len(self._all) >= _ALL_TRIES else 0.0
        return max(own - (at - last), overall)


def _place(address: str) -> str:
    """One home has a whole /64 of IPv6 addresses."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(known) >> 64 << 64)) if isinstance(known, IPv6Address) else address
