"""Shared by API and pages: client addresses, sessions, connection limits, response headers."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.web.access_log import log_request as log_request
    from app.web.bundle import PagesBundle as PagesBundle
    from app.web.connections import ConnectionLimits as ConnectionLimits
    from app.web.connections import Connections as Connections
    from app.web.connections import connection_of as connection_of
    from app.web.connections import let_in as let_in
    from app.web.connections import raise_descriptor_limit as raise_descriptor_limit
    from app.web.correlated import Correlated as Correlated
    from app.web.ended import ENDED_SESSIONS_FILE as ENDED_SESSIONS_FILE
    from app.web.ended import EndedSessions as EndedSessions
    from app.web.entrance import Entrance as Entrance
    from app.web.entrance import application_of as application_of
    from app.web.first import HealthzHandler as HealthzHandler
    from app.web.first import LoginNeededHandler as LoginNeededHandler
    from app.web.first import MethodsHandler as MethodsHandler
    from app.web.first import NoSuchPathHandler as NoSuchPathHandler
    from app.web.first import StartingApiHandler as StartingApiHandler
    from app.web.first import StartingPageHandler as StartingPageHandler
    from app.web.gate import Door as Door
    from app.web.gate import Gate as Gate
    from app.web.headers import SecureHeaders as SecureHeaders
    from app.web.headers import new_nonce as new_nonce
    from app.web.headers import page_policy as page_policy
    from app.web.http_server import LARGEST_IMPORT_BYTES as LARGEST_IMPORT_BYTES
    from app.web.http_server import LARGEST_STRANGERS_BODY_BYTES as LARGEST_STRANGERS_BODY_BYTES
    from app.web.http_server import LARGEST_UNPROVED_BODY_BYTES as LARGEST_UNPROVED_BODY_BYTES
    from app.web.http_server import BodyAfterProof as BodyAfterProof
    from app.web.http_server import DoorServer as DoorServer
    from app.web.http_server import is_small as is_small
    from app.web.http_server import largest_body_bytes as largest_body_bytes
    from app.web.http_server import note_request as note_request
    from app.web.origin import asked_by_foreign_page as asked_by_foreign_page
    from app.web.origin import asked_by_our_own_page as asked_by_our_own_page
    from app.web.origin import asked_on_this_machine as asked_on_this_machine
    from app.web.origin import what_to_pass_on as what_to_pass_on
    from app.web.pages_html import login_page as login_page
    from app.web.password_file import PasswordFile as PasswordFile
    from app.web.refusals import refusal_body as refusal_body
    from app.web.sessions import COOKIE as COOKIE
    from app.web.sessions import Session as Session
    from app.web.sessions import Sessions as Sessions
    from app.web.sockets import LoginRequiredWebSocket as LoginRequiredWebSocket
    from app.web.sockets import OwnOriginWebSocket as OwnOriginWebSocket

__getattr__ = lazily(
    __name__,
    {
        "app.web.access_log": ("log_request",),
        "app.web.bundle": ("PagesBundle",),
        "app.web.connections": (
            "ConnectionLimits",
            "Connections",
            "connection_of",
            "let_in",
            "raise_descriptor_limit",
        ),
        "app.web.correlated": ("Correlated",),
        "app.web.ended": (
            "EndedSessions",
            "ENDED_SESSIONS_FILE",
        ),
        "app.web.entrance": ("Entrance", "application_of"),
        "app.web.first": (
            "HealthzHandler",
            "LoginNeededHandler",
            "MethodsHandler",
            "NoSuchPathHandler",
            "StartingApiHandler",
            "StartingPageHandler",
        ),
        "app.web.gate": (
            "Door",
            "Gate",
        ),
        "app.web.headers": (
            "SecureHeaders",
            "new_nonce",
            "page_policy",
        ),
        "app.web.http_server": (
            "BodyAfterProof",
            "DoorServer",
            "LARGEST_IMPORT_BYTES",
            "LARGEST_STRANGERS_BODY_BYTES",
            "LARGEST_UNPROVED_BODY_BYTES",
            "is_small",
            "largest_body_bytes",
            "note_request",
        ),
        "app.web.origin": (
            "asked_by_foreign_page",
            "asked_by_our_own_page",
            "asked_on_this_machine",
            "what_to_pass_on",
        ),
        "app.web.pages_html": ("login_page",),
        "app.web.refusals": ("refusal_body",),
        "app.web.password_file": ("PasswordFile",),
        "app.web.sessions": (
            "COOKIE",
            "Session",
            "Sessions",
        ),
        "app.web.sockets": (
            "LoginRequiredWebSocket",
            "OwnOriginWebSocket",
        ),
    },
)
