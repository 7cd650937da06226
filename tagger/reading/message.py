"""Messages (RFC 5322, MIME): mails, and web pages that a browser packed with their pictures (MHTML)."""

from __future__ import annotations

import email
from email.message import Message

from tagger.reading.limits import check_bytes, limits, too_large

MESSAGE_DAMAGE = (LookupError, RecursionError, ValueError, TypeError, AttributeError)  # raised on odd headers


def message_of(name: str, content: bytes) -> Message:
    """The message in a file. Raises `InputError` if it is too large, `MESSAGE_DAMAGE` if it is damaged."""
    most = limits()
    check_bytes(name, len(content), most.part_bytes)
    if content.count(b"\n") + content.count(b"\r") > most.elements:  # each line becomes a string for a while
        raise too_large(name, "行数太多", f"不超过 {most.elements // 10_000} 万行")
    return email.message_from_bytes(content)


def payload_of(part: Message) -> bytes | None:
    """What a part of a message holds, without its packing."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else None
