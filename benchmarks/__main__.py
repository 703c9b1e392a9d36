"""Run all measurements: ``python -m benchmarks``."""

import subprocess
import sys

for module in ("figures", "stores", "tags", "locks"):
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=True)
