"""Where an alert may call: decided on a name before it is resolved, on an address before it is dialled."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, TypeAlias

from app.api.models import Reach
from app.errors import SettingsError, TargetRefusedError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


METADATA: Final = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack and most others
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure's wire server
    )
)
METADATA_NAMES: Final = frozenset(("metadata.google.internal", "metadata.goog", "metadata", "instance-data"))
LAN: Final = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""RFC 1918, RFC 6598 (what Tailscale hands out) and RFC 4193."""
_LOCAL_NAMES: Final = ("localhost", "localdomain")
_HOME_ENDINGS: Final = (".local", ".lan", ".internal", ".home.arpa", ".home", ".localdomain", ".localhost")
_NAT64: Final = ip_network("64:ff9b::/96")
_GLOBAL: Final = ip_network("2000::/3")
"""All of IPv6 that is handed out to be reached by everybody (RFC 4291); through NAT64 all of IPv4 is."""
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    # 6to4 (RFC 7526) and documentation (RFC 9637): which Pythons know of them differs.
    for text in ("192.88.99.0/24", "2002::/16", "3fff::/20")
)
_LAST_IS_IPV4: Final = tuple(
    ip_network(text)
    for text in (
        "::/96",  # compatible (RFC 4291)
        "::ffff:0:0:0/96",  # translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215)
    )
)
_ISATAP: Final = frozenset((0x0000_5EFE, 0x0200_5EFE))
"""What stands before the IPv4 address (RFC 5214)."""
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


@dataclass(frozen=True, slots=True)
class Allowed:
    """`SPOUT_ALLOWED_TARGETS`: what may be called besides, under every reach."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Allowed":
        """Read addresses, networks and host names.

        Raises:
            SettingsError: naming the one that is none of them.
        """
        networks: list[Network] = []
        names: set[str] = set()
        for text in texts:
            try:
                networks.append(ip_network(text.strip("[]"), strict=False))
            except ValueError:
                if not _NAME.fullmatch(text.lower().rstrip(".")):
                    raise SettingsError(
                        f"SPOUT_ALLOWED_TARGETS: {text!r} is no address, network or host name"
                    ) from None
                names.add(text.lower().rstrip("."))
        return cls(networks=tuple(networks), names=frozenset(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """What may be called. `own_networks`: those of the own interfaces, in a container; else empty."""

    allowed: Allowed = Allowed()
    own_networks: tuple[Network, ...] = ()
    proxied: bool = False
    """Whether public and onion go through SPOUT_OUTBOUND_PROXY."""
    home_names: tuple[str, ...] = field(default=_HOME_ENDINGS)

    def host(self, host: str, reach: Reach) -> Address | str:
        """Return the address that `host` writes, in whatever form, or the name, in lower case.

        Raises:
            TargetRefusedError: if it must not be called, as far as the name alone says.
        """
        bare = host.strip("[]").rstrip(".").lower()
        address = literal(bare)
        if address is not None:
            if reach is Reach.ONION and not self._allows(address):
                raise TargetRefusedError(f"{host} is an address: reach onion calls .onion names only")
            self.address(address, reach, name=None)
            return address
        if not _NAME.fullmatch(bare):
            raise TargetRefusedError(f"{host[:100]!r} is no host name")
        self._name(bare, reach)
        return bare

    def address(self, address: Address, reach: Reach, *, name: str | None) -> None:
        """Check the address that is about to be dialled; `name` is what was resolved to it, if anything.

        Raises:
            TargetRefusedError: if it must not be called.
        """
        shown = f"{name} is {address}, which" if name else str(address)
        faces = (address, *_embedded(address))
        if any(face in METADATA for face in faces):
            raise TargetRefusedError(f"{shown} is a cloud's metadata service: never called")
        if (name is not None and name in self.allowed.names) or all(self._allows(face) for face in faces):
            return
        for face in reversed(faces):  # what it leads to says more than what it looks like
            self._one(face, reach, shown)

    def _name(self, name: str, reach: Reach) -> None:
        if name in METADATA_NAMES:
            raise TargetRefusedError(f"{name} is a cloud's metadata service: never called")
        if name in self.allowed.names:
            return
        onion = name.endswith(".onion")
        if onion and reach is not Reach.ONION:
            raise TargetRefusedError(f"{name} is an onion service: set reach to onion")
        if reach is Reach.ONION and not onion:
            raise TargetRefusedError(f"{name} is no onion service: set reach to public or lan")
        if onion and not self.proxied:
            raise TargetRefusedError(
                f"{name} is reached through SPOUT_OUTBOUND_PROXY alone, which is not set"
            )
        local = name in _LOCAL_NAMES or name.endswith(".localhost")
        if local:
            raise TargetRefusedError(f"{name} is this machine: name it in SPOUT_ALLOWED_TARGETS to call it")
        if reach is Reach.PUBLIC and self.proxied and ("." not in name or name.endswith(self.home_names)):
            raise TargetRefusedError(f"{name} is a name of your own network: set reach to lan")

    def _allows(self, address: Address) -> bool:
        return any(address in network for network in self.allowed.networks)

    def _one(self, address: Address, reach: Reach, shown: str) -> None:
        why = _never(address)
        if why is None and any(address in network for network in self.own_networks):
            why = "in a network of this container's own"
        if why is not None:
            raise TargetRefusedError(f"{shown} is {why}: name it in SPOUT_ALLOWED_TARGETS to call it")
        at_home = any(address in network for network in LAN)
        if reach is Reach.LAN and not at_home:
            raise TargetRefusedError(f"{shown} is not in your own network: set reach to public")
        if reach is Reach.PUBLIC and at_home:
            raise TargetRefusedError(f"{shown} is in your own network: set reach to lan")
        if reach is Reach.PUBLIC and not _is_public(address):
            raise TargetRefusedError(f"{shown} is no public address")


def literal(host: str) -> Address | None:
    """Return the address that `host` writes: also as one number, in octal or hex, or shortened.

    A resolver of the system would read those forms too, so they must not pass for names.
    """
    bare = host.strip("[]").partition("%")[0]
    try:
        return unmapped(ip_address(bare))
    except ValueError:
        pass
    if not _NUMBER.fullmatch(bare.rpartition(".")[2].lower()):
        return None
    try:
        return IPv4Address(socket.inet_aton(bare))
    except OSError:
        raise TargetRefusedError(f"{host[:100]!r} is neither a name nor an address") from None


def is_host(text: str) -> bool:
    """Whether it is written as a name or an address is.

    Raises:
        TargetRefusedError: if it is neither, though it ends in a number.
    """
    return literal(text) is not None or _NAME.fullmatch(text.rstrip(".").lower()) is not None


def unmapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 socket would really dial for `::ffff:a.b.c.d`."""
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def own_networks(interfaces: Iterable[tuple[str, str]]) -> tuple[Network, ...]:
    """The networks of (address, netmask) pairs that can be read; loopback is refused anyway."""
    found = []
    for address, mask in interfaces:
        try:
            found.append(ip_network(f"{address.partition('%')[0]}/{_prefix(mask)}", strict=False))
        except ValueError:
            continue
    return tuple(network for network in found if network.prefixlen and not network.is_loopback)


def in_container(root: Path = Path("/")) -> bool:
    return (root / ".dockerenv").exists() or (root / "run/.containerenv").exists()


def _prefix(mask: str) -> str:
    return str(int(ip_address(mask)).bit_count()) if ":" in mask else mask


def _never(address: Address) -> str | None:
    is_ipv4 = isinstance(address, IPv4Address)
    kinds = (
        (address.is_loopback, "this machine"),
        (address.is_link_local, "link-local"),
        (isinstance(address, IPv6Address) and address.is_site_local, "site-local"),
        (address.is_multicast, "multicast"),
        (address.is_unspecified or (is_ipv4 and address in ip_network("0.0.0.0/8")), "in 0.0.0.0/8"),
        (is_ipv4 and int(address) == 0xFFFFFFFF, "broadcast"),
    )
    return next((kind for is_one, kind in kinds if is_one), None)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL and address not in _NAT64:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 one leads to, wherever they stand in it."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.sixtofour, *(address.teredo or ())]
    if int(address) > 1 and any(address in network for network in _LAST_IS_IPV4):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(one for one in found if one is not None)
