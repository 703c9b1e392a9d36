"""Text from elsewhere, made fit for one line of a log or a terminal."""

LONGEST = 500


def printable(text: str) -> str:
    """Return text with control characters, line ends and what turns its direction as escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def one_line(error: BaseException) -> str:
    """Return an error's class and what it says, in one printable line of bounded length."""
    text = printable(str(error).strip())
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
