"""One colour a theme, the same in every document that is written: light enough to read and print black text on."""

from __future__ import annotations

FILLS = {
    "党建": "FBD9D3",
    "法治": "D3E3F8",
    "乡村振兴": "D9EFCF",
    "治理": "FFF0C2",
    "作风": "E7DAF4",
    "其他": "E9E9E9",
}
PLAIN_FILL = "E9E9E9"  # of a theme that is not in the table
