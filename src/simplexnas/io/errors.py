"""The exception for bad input, a line that names the value and what is allowed; a check that raises it; divergence."""


class SimplexNASError(ValueError):
    """Bad input from outside: a wrong S, a damaged file, an unknown name. The message is one line."""

    def _render_traceback_(self) -> list[str]:
        """Called by IPython: notebooks, papermill and nbval then show one line instead of forty."""
        return [f"{type(self).__name__}: {self}"]


class Diverged(SimplexNASError):
    """Loss or weights of a training are no longer finite, as was found after so many steps."""

    def __init__(self, what: str, step: int):
        super().__init__(f"{what} at step {step}; lower learning_rate")
        self.step = step


def check_same(name: str, saved: dict, wanted: dict) -> None:
    """Raise `SimplexNASError` with the differing values if a half-done file was made with other settings."""
    if differing := sorted(key for key in saved.keys() | wanted.keys() if saved.get(key) != wanted.get(key)):

        def listed(values: dict) -> str:
            return ", ".join(f"{key} = {str(values.get(key))[:80]}" for key in differing)

        raise SimplexNASError(
            f"{name} was made with {listed(saved)}; this run asks for {listed(wanted)}; move it away to start again"
        )
