"""An Electrum server (electrs, Fulcrum) by the Electrum protocol."""

from app.source.electrum.connection import ElectrumEndpoint
from app.source.electrum.source import Electrs

__all__ = ["Electrs", "ElectrumEndpoint"]
