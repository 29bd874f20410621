"""Tests against a real bitcoind in regtest and a real Electrum server, both started here."""
