"""``python -m smirk3d``."""

import sys

from smirk3d.cli.main import main

sys.exit(main())
