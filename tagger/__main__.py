"""`python -m tagger` is the command `tagger`."""

import sys

from tagger.cli import main

sys.exit(main())
