"""Run all measurements: ``python -m benchmarks``."""

from .figures import main

main()
