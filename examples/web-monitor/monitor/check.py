"""One look at one site; what a look means is decided here, without a network."""

import time
import urllib.error
import urllib.request


def verdict(status, seconds, limit=2.0):
    """`ok`, `slow` or `down`, from an HTTP status (none: no answer) and the time it took."""
    if status is None or status >= 400:
        return "down"
    return "slow" if seconds > limit else "ok"


def look(url, timeout=5.0):
    """Asks the site once."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            status = answer.status
    except urllib.error.HTTPError as refusal:
        status = refusal.code
    except OSError:
        status = None
    seconds = time.monotonic() - begun
    return {"url": url, "status": status, "verdict": verdict(status, seconds)}
