"""What docs/deployment.md has a person look at after a deployment: every function answers that it is healthy."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

SECONDS = 60


def unhealthy(functions: Mapping[str, str], routes: Mapping[str, str]) -> Iterator[str]:
    """Yield each open function that does not answer 200 to /health. routes: the functions, by their paths."""
    for name in sorted(set(routes.values())):
        url = f"{functions[name]}/health"
        try:
            with urllib.request.urlopen(url, timeout=SECONDS):  # noqa: S310 - the address is the stack's own output
                pass
        except urllib.error.HTTPError as error:
            yield f"{name}: {url} answers {error.code}"
        except OSError as error:
            yield f"{name}: {url} cannot be reached: {error}"
