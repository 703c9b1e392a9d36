"""How often a read may be tried again: so seldom that a Redis in trouble is not asked twice."""

SHARE = 0.1
"""How many retries each call earns: one in ten calls at most is made twice."""
MOST = 10.0


class Budget:
    """Be a bucket of retries; each call puts a tenth of one in, and none is lent.

    Threads share it without a lock: one that is spent twice by chance is no harm.
    """

    def __init__(self) -> None:
        self.left = MOST

    def earn(self) -> None:
        """Count a call."""
        if self.left < MOST:
            self.left = min(MOST, self.left + SHARE)

    def spend(self) -> bool:
        """Take a retry, if there is one."""
        if self.left < 1:
            return False
        self.left -= 1
        return True
