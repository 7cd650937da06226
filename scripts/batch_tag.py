"""Tag files and folders: python scripts/batch_tag.py 路径... --out 文件夹. The same as `tagger tag`."""

import sys

from tagger.cli import main

if __name__ == "__main__":
    sys.exit(main(["tag", *sys.argv[1:]]))
