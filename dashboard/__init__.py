"""The explorer: a Dash app that knows the service only through HTTP."""
