"""Apprise's Telegram plugin, with what it leaves out: plain text where markup is refused, edits, ids."""

import re
from typing import Any, Final

from notifiers.http import Requests
from notifiers.services import load

LONGEST_TEXT: Final = 4_096
_CUT: Final = "…"
_GONE: Final = re.compile(
    r"message to edit not found|message can't be edited|MESSAGE_ID_INVALID", re.IGNORECASE
)
_UNCHANGED: Final = "message is not modified"
_NO_MARKUP: Final = re.compile(r"can't parse entities|unsupported start tag|can't find end", re.IGNORECASE)
_requests = Requests()
_NotifyTelegram: Any = load("telegram", "NotifyTelegram")


class NotifySpoutTelegram(_NotifyTelegram):  # type: ignore[misc]  # Apprise brings no types
    """With edits, which Apprise's does not have. `silent`: what is sent makes no sound on the phone."""

    def deliver(self, chat_id: str, marked: str, plain: str, edit: int | None = None) -> bool:
        """Send (or edit) a message in Telegram's HTML; refused for its markup, it goes as plain text.

        Too long in HTML, it is plain text too, cut: cut markup would be refused, or break a word in `&amp;`.
        One that somebody has deleted meanwhile, or that is too old to be edited, is sent anew, without a
        sound: an edit would have made none.
        """
        text, more = (marked, {"parse_mode": "HTML"}) if len(marked) <= LONGEST_TEXT else (_cut(plain), {})
        answer = self._post(chat_id, text, edit, **more)
        if edit is not None and _refused(answer, _GONE):
            edit, self.silent = None, True
            answer = self._post(chat_id, text, edit, **more)
        if _refused(answer, _NO_MARKUP):
            answer = self._post(chat_id, _cut(plain), edit)
        if edit is not None and answer is not None and _UNCHANGED in answer.text:
            return True
        if answer is None or answer.status_code != 200:
            return False
        try:
            reported = answer.json()
        except ValueError:
            return False
        return isinstance(reported, dict) and reported.get("ok") is True

    def _post(self, chat_id: str, text: str, edit: int | None, **more: str) -> Any:  # noqa: ANN401 - requests.Response
        method = "sendMessage" if edit is None else "editMessageText"
        payload: dict[str, Any] = {
            "chat_id": chat_id,
            "text": text,
            "disable_web_page_preview": True,
            **more,
        }
        if edit is not None:
            payload["message_id"] = edit
        elif self.silent:
            payload["disable_notification"] = True
        try:
            return _requests.post(f"{self.notify_url}{self.bot_token}/{method}", json=payload)
        except _requests.RequestException:
            return None


def _cut(plain: str) -> str:
    return plain if len(plain) <= LONGEST_TEXT else plain[: LONGEST_TEXT - len(_CUT)] + _CUT


def _refused(answer: Any, words: re.Pattern[str]) -> bool:  # noqa: ANN401 - requests.Response
    return answer is not None and answer.status_code == 400 and words.search(answer.text) is not None
