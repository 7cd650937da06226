"""The closed list of themes, in the one order used everywhere. What they mean is in docs/themes.md."""

from __future__ import annotations

OTHER = "其他"
THEMES = ("党建", "法治", "乡村振兴", "治理", "作风", OTHER)
