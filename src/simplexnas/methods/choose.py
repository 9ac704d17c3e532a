"""Which method a configuration is of."""

from simplexnas.methods.method import Method
from simplexnas.methods.settings import SearchConfig
from simplexnas.methods.simplex import SimplexMethod
from simplexnas.methods.worth import WorthMethod


def method_of(config: SearchConfig) -> Method:
    """The untrained method, with weights from PyTorch's random state."""
    return (WorthMethod if config.hypernetwork == "worth" else SimplexMethod)(config)
