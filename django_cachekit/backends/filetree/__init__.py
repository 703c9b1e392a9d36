"""A tree of files as an engine; from below: disk, epoch, ledger, place, sweep, tree."""

from .epoch import EpochFile
from .ledger import Bounds
from .place import Place, trouble
from .tree import Tree

__all__ = ["Bounds", "EpochFile", "Place", "Tree", "trouble"]
