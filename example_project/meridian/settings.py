"""Settings of the example site: no server to install, everything it writes lies in `var/`.

`MERIDIAN_STORE=redis://...` puts the store `default` elsewhere (`stores.py`).
"""

import os
from pathlib import Path

from . import stores
from .secrets import kept, kept_in

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("MERIDIAN_VAR") or BASE_DIR / "var").resolve()

SECRET_KEY = kept(VAR / "secret.key")
DEBUG = os.environ.get("MERIDIAN_DEBUG") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_cachekit",
    "places",
    "tour",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "places.middleware.MeterMiddleware",
]

ROOT_URLCONF = "meridian.urls"
WSGI_APPLICATION = "meridian.wsgi.application"
ASGI_APPLICATION = "meridian.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "places.context.site",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "meridian.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}

# The keys lie beside the cache directories, never in them: who copies the cache gets no key.
SEALED = {
    "ENCRYPTION_KEYS": [kept_in(VAR / "cache.key")],
    "INDEX_KEY": kept_in(VAR / "cache-index.key"),
}

CHOSEN = stores.chosen(os.environ.get("MERIDIAN_STORE", ""), VAR)
STORE_SAID = CHOSEN.said
DATABASES |= CHOSEN.databases

CACHES = {
    "default": {**CHOSEN.cache, "OPTIONS": {**CHOSEN.cache.get("OPTIONS", {}), **SEALED}},
    "memory": {
        "BACKEND": "django_cachekit.backends.array.ArrayCache",
        "LOCATION": "meridian",
        "OPTIONS": {"MAX_ENTRIES": 2_000},
    },
    "database": {
        "BACKEND": "django_cachekit.backends.database.DatabaseCache",
        "LOCATION": "meridian_cache",
        "OPTIONS": {"MAX_ENTRIES": 5_000},
    },
    # Files, whatever the default is: two pages of the tour look at them, and break them.
    "vault": {
        "BACKEND": "django_cachekit.backends.file.EncryptedFileCache",
        "LOCATION": str(VAR / "vault"),
        "OPTIONS": {**SEALED, "MAX_ENTRIES": 1_000},
    },
    # What a page looks like without a cache: `?nocache=1` reads and writes here.
    "none": {"BACKEND": "django_cachekit.backends.null.NullCache"},
}

CACHEKIT = {"OUTBOX": True}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django.server": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False},
    },
}
