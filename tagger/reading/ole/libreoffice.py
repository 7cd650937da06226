"""LibreOffice, for the files that only it reads. It runs alone in a folder of its own, without macros and network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tagger.errors import InputError
from tagger.reading.limits import limits

FILTER = "--infilter=MS Word 97"  # reads Word 6 and 95 too; without it, what is no Word file is taken for plain text
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop>
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop>
</item>
</oor:items>
"""


def as_docx(name: str, content: bytes) -> bytes | None:
    """A .doc file as .docx; None if LibreOffice is not there or cannot read it. Raises `InputError` if it is slow."""
    program = shutil.which("soffice")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True) as folder:
        document, result = Path(folder, "document.doc"), Path(folder, "document.docx")
        document.write_bytes(content)
        _convert(name, program, document)
        return result.read_bytes() if result.exists() else None


def _convert(name: str, program: str, document: Path) -> None:
    user = document.parent / "profile" / "user"
    user.mkdir(parents=True)
    (user / "registrymodifications.xcu").write_text(PROFILE, encoding="utf-8")
    profile = f"-env:UserInstallation={user.parent.as_uri()}"
    options = ["--headless", "--norestore", "--convert-to", "docx", "--outdir", str(document.parent)]
    seconds = limits().seconds
    with subprocess.Popen(  # noqa: S603 - the paths are ours, and no shell reads them
        [program, FILTER, profile, *options, str(document)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            found = f"LibreOffice 转换了 {seconds} 秒还没有完"
            advice = "在 Word 或 WPS 里另存为 .docx 再试"
            raise InputError(name, found=found, expected="普通篇幅的 .doc", advice=advice) from None
        finally:  # also on Ctrl-C
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LibreOffice: `soffice` is a script, the programs that it started belong to its group."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
