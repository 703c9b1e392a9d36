"""The one clock. Tests move it; nothing else may.

``now`` and ``monotonic`` are looked up on the module at each call
(``clock.now()``), so replacing the attribute moves time for the whole package.
"""

import time

now = time.time
"""Return the wall clock, in Unix seconds: what stored expiries are written in."""

monotonic = time.monotonic
"""Return seconds that never step back: what waits and durations are measured in."""
