"""How the dashboard is started."""

import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class DashboardSettings:
    """Settings of one dashboard process.

    Raises ValueError, with one line that says what to do, for values that cannot work.
    """

    api_url: str
    """Address of the VQScope service, such as http://127.0.0.1:8000 (without /v1)."""
    api_key: str = field(default="", repr=False)
    """Key that the service asks for; none by default."""
    host: str = "127.0.0.1"
    """Address to listen on; only this machine by default."""
    allowed_hosts: frozenset[str] = frozenset()
    """Names to answer to beside those of this machine (*: any); none: on loopback no others, else any."""
    port: int = 8050
    """TCP port, 0 … 65535 (0: any free one)."""
    timeout: float = 35.0
    """Seconds after which an answer of the service is given up; it computes for 30 by default, and then says why."""
    health_interval: float = 2.0
    """Seconds between two looks at the service's health by an open page."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.api_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                f"'{self.api_url}' is not the address of a service; give one like http://127.0.0.1:8000"
            )
        if not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            raise ValueError("the API key (VQSCOPE_API_KEY) must be visible ASCII characters")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} does not exist; give one between 0 and 65535")
        if self.timeout <= 0 or self.health_interval <= 0:
            raise ValueError("timeout and health_interval must be positive")

    @property
    def answered_hosts(self) -> frozenset[str] | None:
        """Names to answer to beside localhost and loopback addresses, in small letters; None: any."""
        if "*" in self.allowed_hosts or not (self.allowed_hosts or self.loopback):
            return None
        return frozenset(name.strip("[]").lower() for name in (self.host, *self.allowed_hosts))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the dashboard; OSError for a name that nothing has."""
        found = socket.getaddrinfo(self.host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return all(is_loopback(str(address[0])) for *_, address in found)


def is_loopback(host: str) -> bool:
    """Whether this address, or the name localhost, stands for this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
