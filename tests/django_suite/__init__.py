"""Django's own cache tests, run against every backend of ours, both faces and the facade.

    python -m tests.django_suite                 # everything, three jobs at a time
    python -m tests.django_suite --list
    python -m tests.django_suite --row array --way async -v

The tests are those of the installed Django's source release, fetched once from PyPI by pip.
"""
