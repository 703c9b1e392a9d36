"""What may go wrong between boto3 and DynamoDB, said in one word, and how long to bear it."""

import random
from typing import Any

from ...core.faces import BLOCKING, run_now

ATTEMPTS = 5
"""How often a request is sent at most, where DynamoDB says that it did not carry it out."""

TWICE = 2
"""How often one is sent that may be repeated, where nothing or nonsense came back."""

THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "UnprocessedItems",
    "UnprocessedKeys",
}
_NEVER_SENT = {
    "ConnectTimeoutError",
    "CredentialRetrievalError",
    "EndpointConnectionError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProxyConnectionError",
}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.025, 0.2


class Failed(OSError):
    """Say in one word why a request failed, and whether it may have been carried out.

    The word is DynamoDB's code, or the class of the client's error: neither tells of addresses,
    keys or values. ``brief`` says that it may well work in a moment.
    """

    def __init__(self, word: str, unsure: bool = False, brief: bool = True) -> None:
        super().__init__(0, word)
        self.word = word
        self.unsure = unsure
        self.brief = brief

    @classmethod
    def of(cls, error: Exception) -> "Failed":
        """Translate an error of boto3."""
        response: Any = getattr(error, "response", None)
        if not response:
            word = type(error).__name__
            return cls(word, word not in _NEVER_SENT, "Credential" not in word)
        code = str(response.get("Error", {}).get("Code", "ClientError"))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return cls(code, status >= 500, status >= 500 or code in THROTTLED)


class Refused(Exception):
    """Say that the condition did not hold; ``item`` is what is there, where DynamoDB tells."""

    def __init__(self, item: Any = None) -> None:
        self.item = item


class Patience:
    """Measure out what trouble may cost: so many seconds, failed requests and pauses together."""

    def __init__(self, seconds: float, attempts: int = ATTEMPTS) -> None:
        self.left = seconds
        self.attempts = attempts
        self._sent = 0
        self._next = _FIRST_PAUSE

    def allows(self, failed: Failed, again: bool) -> bool:
        """Tell whether the request may be sent once more; pause first if DynamoDB is busy.

        ``again``: it does no harm to repeat what may have been carried out.
        """
        self._sent += 1
        if failed.word in THROTTLED:
            return self._sent < self.attempts and self.pause()
        return again and failed.brief and self._sent < TWICE and self.left > 0

    def pause(self) -> bool:
        """Wait a little, longer each time, unless the time for that is up."""
        seconds = random.uniform(self._next / 2, self._next)  # noqa: S311 - a pause
        self._next = min(2 * self._next, _LONGEST_PAUSE)
        self.left -= seconds
        if self.left > 0:
            run_now(BLOCKING.sleep(seconds))
        return self.left > 0

    def restore(self) -> None:
        """Count attempts anew: something was carried out."""
        self._sent, self._next = 0, _FIRST_PAUSE
