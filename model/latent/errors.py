"""What can go wrong with a latent index, its maps and their statistics, and the user can mend."""

from model.errors import VQScopeError


class IndexNotFound(VQScopeError):
    """There is no latent index at the path."""


class IndexDamaged(VQScopeError):
    """A file of the index is missing, cut short, or does not fit the others."""


class IndexMismatch(VQScopeError):
    """A sound index, but of another model or of another version of the format."""


class RowNotFound(VQScopeError):
    """The index holds no such image."""


class MapNotFound(VQScopeError):
    """The index holds no map of that name."""


class ColumnNotFound(VQScopeError):
    """The index knows nothing of that name about its images."""


class SettingError(VQScopeError, ValueError):
    """A parameter outside its range, such as a level of 95 instead of 0.95."""
