"""The Django project in which Django's own cache tests run."""

import json
import os
import warnings

# Django's tests may warn; a warning from our own code is a fault.
warnings.filterwarnings("error", module=r"django_cachekit\b")

SECRET_KEY = "for tests only, it opens nothing"
USE_TZ = False
# A job that started a server says here where it is.
SERVER = json.loads(os.environ.get("CACHEKIT_SUITE_DATABASE", "null"))
DATABASES = {
    alias: {**SERVER, "TEST": {"NAME": f"suite_{alias}"}}
    if SERVER
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    for alias in ("default", "other")
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "cache",
    "sessions_tests",
    "django_cachekit",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "urls"  # of Django's tests
SITE_ID = 1
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
