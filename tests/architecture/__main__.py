"""Print what is not forbidden but worth a look: files that ask to be two."""

from .manners import LONG_FILE, long_files
from .package import read

faults = list(long_files(read()))
print("\n".join(faults) or f"No file of the package has more than {LONG_FILE} lines.")
