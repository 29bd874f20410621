"""Ranges of what strangers send as numbers, for msgspec types: JSON's numbers have no end."""

from typing import Annotated

import msgspec

from app.core.units import MAX_MONEY

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A larger number is not a valid count, and does not fit the database."""
BlockHeight = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Confirmations = Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]
"""-1 says that the block is not on the best chain."""
FeeRate = Annotated[float, msgspec.Meta(ge=0, le=MAX_MONEY)]
"""In sat/vB: nobody can pay more than all there is."""
Size = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
"""In vbytes, of any number of transactions."""
