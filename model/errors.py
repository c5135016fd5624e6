"""What a user did, or met, that VQScope cannot go on with."""


class VQScopeError(Exception):
    """A failure that the user can mend.

    The message is one line: what is wrong, and what to do. Commands print it and end with code 2; the
    service turns it into a problem document.
    """
