"""Label paragraphs by hand: python scripts/label.py 路径... --out 标注.jsonl. The same as `tagger label`."""

import sys

from tagger.cli import main

if __name__ == "__main__":
    sys.exit(main(["label", *sys.argv[1:]]))
