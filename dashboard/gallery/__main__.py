"""`python -m dashboard.gallery [PORT]`: serves it on this machine alone, until it is interrupted."""

import asyncio
import sys
from contextlib import suppress

from dashboard.gallery.serving import gallery_pages, serving


async def main(port: int) -> None:
    async with serving(gallery_pages(), port) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8414))
