"""How much of the largest tables a run takes: enough for every class, or with ``FNN_TEST_ALL=1`` everything."""

import os

ALL = os.environ.get("FNN_TEST_ALL") == "1"
