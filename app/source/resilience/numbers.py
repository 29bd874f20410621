"""Ranges of what strangers send as numbers, for msgspec types: JSON's numbers have no end."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A larger number is not a valid count, and does not fit the database."""
BlockHeight = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Confirmations = Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]
"""-1 says that the block is not on the best chain."""
