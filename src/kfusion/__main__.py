"""`python -m kfusion` is `kfusion`."""

import sys

from kfusion.cli.main import main

sys.exit(main())
