"""Whether Debian's archive can be reached: apt's words where not, and for how long one failure counts."""

from __future__ import annotations

import re
import time

from emulator.base.errors import SetupError

NO_NETWORK = re.compile(
    r"Temporary failure resolving '[^']*'|Could not resolve '[^']*'|Could not connect to \S+|"
    r"Unable to connect to \S+(?=:)|Network is unreachable|Connection timed out"
)
"""The words of apt about an archive that cannot be reached (apt-pkg/…/connect.cc, 2.6)."""
AGAIN_SECONDS = 60.0
"""After a failure, for how long lists that are there are used without another attempt: apt tries for seconds,
and a list of all kernels has twelve lists to read."""
_failures: list[float] = []
"""When this process did not reach the archive, on the monotonic clock."""


class NoNetworkError(SetupError):
    """Debian's archive cannot be reached; `reason` is apt's."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Debian's archive cannot be reached: {reason}. A first run downloads a kernel and what else a "
            "device consists of. Connect this machine to the network, or set Acquire::http::Proxy in "
            "/etc/apt/apt.conf.d, and try again; later runs need no network."
        )


def failed_lately() -> bool:
    """Whether this process did not reach the archive within the last minute."""
    return bool(_failures) and time.monotonic() - _failures[-1] < AGAIN_SECONDS


def is_news(error: SetupError) -> bool:
    """Whether a failure to read a list is to be reported: of having no network, once in a minute."""
    if not isinstance(error, NoNetworkError):
        return True
    known = failed_lately()
    _failures.append(time.monotonic())
    return not known
