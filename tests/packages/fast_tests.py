"""The fast tests on the image's own Python, with the image's own code.

They take minutes, and are started first and with the least priority, beside the other tests of the packages.
"""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.anywhen.running import FAST
from tests.packages.podman import IMAGE, podman

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "spout-fast-tests"
ROOMS: Final = "api backend commands core engine flow notifiers settings source store"
"""Not those that start other programs, nor those of packages, layout and development tools."""
READ: Final = ("tests", "docs", "app", "dashboard", "notifiers", "packaging", "pyproject.toml")
"""Of the repository: the tests, and what they read as text. What is imported is the image's."""
MOST_SECONDS: Final = 900


class FastTests:
    """A container that runs them; `words` waits for its end."""

    def __enter__(self) -> Self:
        beside = ROOT / ".parts" / "image-tests"
        mounts = [f"--volume={ROOT / name}:/tests/{name}:ro" for name in READ]
        rooms = " ".join(f"tests/{room}" for room in ROOMS.split())
        # -P and append: the repository's folder comes last, so that `app` is the image's.
        command = (
            "exec 2>&1 && cd /tests && export PYTHONPATH=/opt/spout:/beside && "
            "python3 -P -c 'import app; assert app.__file__.startswith(\"/opt/spout\")' && "
            "nice -n 19 python3 -P -m pytest -q -n 2 --dist loadfile --import-mode=append "
            f"-p no:cacheprovider -m '{FAST}' {rooms}"
        )
        podman("rm", "--force", "--ignore", NAME)
        podman(
            *("run", "--detach", "--name", NAME, "--cap-drop=all", "--user=1000:1000", "--read-only"),
            *("--no-healthcheck", "--tmpfs=/tmp:exec", f"--volume={beside}:/beside:ro", *mounts),
            *("--env=SPOUT_HOST=", "--env=SPOUT_DATA_DIR=", "--entrypoint", "sh", IMAGE, "-c", command),
        )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        podman("rm", "--force", "--ignore", "--time", "0", NAME)

    def words(self) -> str:
        """Return what pytest printed, once it has ended."""
        podman("wait", NAME, seconds=MOST_SECONDS)
        return podman("logs", NAME)
