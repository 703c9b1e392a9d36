"""Run Django's tests on one row in one way, in this process.

python -m tests.django_suite.job ROW WAY REPORT
"""

import json
import os
import sys
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.servers.process import end_watchdog

from .rows import ROWS, Row
from .sdist import tests


def main(name: str, way: str, report: str) -> int:
    """Run the job and write what came of it as JSON."""
    row = next(row for row in ROWS if row.name == name)
    sys.path.insert(0, str(tests()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django_suite.settings"

    import django

    django.setup()
    with ExitStack() as clean:
        folder = clean.enter_context(tempfile.TemporaryDirectory(prefix="cachekit-suite-"))
        if row.server is not None:
            clean.callback(end_watchdog)
            row = row.at(clean.enter_context(row.server()).location)
        result = run(row, way, Path(folder))
    outcome = {
        "run": result.testsRun,
        "skipped": len(result.skipped),
        "different": len(result.expectedFailures),
        "failed": sorted({test.id().rpartition(".")[2] for test in failed(result)}),
    }
    Path(report).write_text(json.dumps(outcome))
    return 0


def failed(result: unittest.TestResult) -> list[Any]:
    """Return the tests that did not do what they should; a subtest counts as its test."""
    pairs = result.failures + result.errors
    found = [getattr(test, "test_case", test) for test, _ in pairs]
    return [*found, *result.unexpectedSuccesses]


def run(row: Row, way: str, folder: Path) -> unittest.TestResult:
    """Run the row's test classes on Django's runner."""
    from django.core.management import call_command
    from django.test import override_settings
    from django.test.runner import DiscoverRunner

    from . import cases
    from .clock import MovedTime

    if not row.really_sleeps:
        MovedTime().install(cases.django_cache)

    class Runner(DiscoverRunner):
        def build_suite(self, test_labels: Any = None, **kwargs: Any) -> Any:
            load = unittest.defaultTestLoader.loadTestsFromTestCase
            return self.test_suite(load(case) for case in cases.cases(row, way, folder))

        def setup_databases(self, **kwargs: Any) -> Any:
            made = super().setup_databases(**kwargs)
            if row.tables:
                with override_settings(CACHES=cases.every_alias(row, folder)):
                    call_command(row.tables, verbosity=0)
            return made

        def suite_result(self, suite: Any, result: unittest.TestResult, **kwargs: Any) -> Any:
            return result

    return Runner(verbosity=1, interactive=False).run_tests([])  # type: ignore[return-value]  # see suite_result


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
