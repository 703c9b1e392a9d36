"""What a value becomes as bytes, and how bytes become a value again, or a miss.

::

    Entry --dumps--> codec, bytes --compress--> frame --seal or sign--> what lies in the store
              |                       |           |             |
         SERIALIZER             COMPRESSION   key, tags   ENCRYPTION_KEYS
       (serializers, families) (compressors)  (frame)     (ciphers, keys)

``build(options, ...)`` makes the ``Chain`` of an alias from its OPTIONS. A chain
writes with what is configured and reads only what configuration allows, in an order
in which nothing is decoded before it is known to be ours. Bytes that are not a
live entry of ours, whatever else they are, raise ``Unreadable``, a miss with a
reason to count, and nothing else.
"""

from .base import NEVER, UNREADABLE, Compressor, Guard, NotPlain, Serializer, Unreadable
from .build import build, classes, problems
from .chain import MAX_VALUE_BYTES, Chain
from .ciphers import Seal, Sign
from .keys import Problem, generate_key, key_files

__all__ = [
    "MAX_VALUE_BYTES",
    "NEVER",
    "UNREADABLE",
    "Chain",
    "Compressor",
    "Guard",
    "NotPlain",
    "Problem",
    "Seal",
    "Serializer",
    "Sign",
    "Unreadable",
    "build",
    "classes",
    "generate_key",
    "key_files",
    "problems",
]
