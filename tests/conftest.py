"""In CI ($CI is set) a test that is skipped because an environment is missing is a failure: there they are to be had."""

import os

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if "no environment " in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {reason}"
