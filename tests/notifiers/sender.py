"""`python -m tests.notifiers.sender DIR`: events without end, sent to the endpoint there is; to be killed."""

import asyncio
import sys
from pathlib import Path

from tests.notifiers.stage import staged


async def main(room: Path) -> None:
    async with staged(room) as stage:
        while True:
            events = await stage.happen(5)
            print(events[-1].sequence, flush=True)
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
