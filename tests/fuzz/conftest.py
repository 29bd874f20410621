from tests.api.conftest import composition, open_server

__all__ = ["composition", "open_server"]
