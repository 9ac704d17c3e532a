"""Which method a configuration is of."""

from simplexnas.methods.config import Config
from simplexnas.methods.method import Method
from simplexnas.methods.settings import find, method_name


def method_of(config: Config) -> Method:
    """The untrained method, with weights from PyTorch's random state."""
    return find(method_name(config)).make(config)
