"""Taking an address to listen on, with one clear line where that fails."""

import errno
import socket

from model.errors import VQScopeError


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Args:
        option: by which the user chooses the port.

    Raises:
        VQScopeError: it cannot be had, why, and what to give instead.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise VQScopeError(f"--host {host} is no address of this machine ({error.strerror})") from error
    try:
        # As servers do: a connection that ended a moment ago does not hold the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            other = port + 1 if port < 65535 else port - 1
            raise VQScopeError(
                f"port {port} is in use: choose another one, such as {option} {other}"
            ) from error
        raise VQScopeError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --host or {option}"
        ) from error
    return listener
