"""Train the model that the package ships, from training_data/ into models/default. The same as `tagger train`."""

import sys
from pathlib import Path

from tagger.cli import main

ROOT = Path(__file__).parent.parent

if __name__ == "__main__":
    data, out = ROOT / "training_data", ROOT / "models" / "default"
    sys.exit(main(["train", "--data", str(data), "--out", str(out), *sys.argv[1:]]))
