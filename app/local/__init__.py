"""A socket in the data directory, by which the commands of this machine's own user ask a running Spout."""

from app.local.asking import Conversation as Conversation
from app.local.asking import connected as connected
from app.local.channel import LocalChannel as LocalChannel
from app.local.serving import SOCKET as SOCKET
from app.local.serving import Handler as Handler
from app.local.serving import commands_served as commands_served
