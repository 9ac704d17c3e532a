"""The one exception for bad input: a single line that names the value and what is allowed."""


class SimplexNASError(ValueError):
    """Bad input from outside: a wrong S, a damaged file, an unknown name. The message is one line."""

    def _render_traceback_(self) -> list[str]:
        """Called by IPython: notebooks, papermill and nbval then show one line instead of forty."""
        return [f"{type(self).__name__}: {self}"]
