"""Packages: ZIP archives with parts in XML (.docx, .ofd). The one place where XML is unpacked and parsed.

Nothing is fetched, no entity is resolved, and no more is unpacked than the limits allow.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from typing import Any, TypeAlias

from lxml import etree

from tagger.reading.limits import check_bytes, check_elements, limits

Element: TypeAlias = Any  # lxml.etree._Element: lxml ships no types

DAMAGE = (  # what broken, encrypted or hostile archives and XML raise
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    etree.XMLSyntaxError,
    EOFError,
    NotImplementedError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
WITHOUT_NOTES = {"remove_comments": True, "remove_pis": True}


def unpacked(name: str, archive: zipfile.ZipFile, part: str) -> bytes:
    """The XML of a part. Raises `InputError` if it is too large, `KeyError` if there is none."""
    info = archive.getinfo(part)
    check_bytes(name, info.file_size, limits().part_bytes)  # no more than it says is unpacked, whatever it holds
    xml = archive.read(info)
    if len(xml) > limits().elements:  # fewer bytes hold no more
        check_elements(name, xml)
    return xml


def parsed(xml: bytes) -> Element:
    """The root of a part."""
    root = etree.fromstring(xml, etree.XMLParser(**SAFE, **WITHOUT_NOTES))
    if root.getroottree().docinfo.doctype:  # no document declares entities of its own; one that does means harm
        raise ValueError("document type declaration")
    return root
