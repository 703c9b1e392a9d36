"""Real servers for the tests, on free ports of this machine, ended with the tests.

``fixtures.py`` has the fixtures; every class here is a context manager that does without pytest.
"""
