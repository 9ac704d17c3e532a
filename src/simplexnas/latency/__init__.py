"""Time of networks on one machine: measured, and predicted from the times of their parts."""

from simplexnas.latency.parts import Part, all_parts, parts
from simplexnas.latency.table import LatencyTable, check_machine, measure
from simplexnas.latency.timing import RUNTIMES, BusyMachineError, machine_name, network_calls, time_calls, version
from simplexnas.latency.validation import prediction_errors, read_validation, validate

__all__ = [
    "RUNTIMES",
    "BusyMachineError",
    "LatencyTable",
    "Part",
    "all_parts",
    "check_machine",
    "machine_name",
    "measure",
    "network_calls",
    "parts",
    "prediction_errors",
    "read_validation",
    "time_calls",
    "validate",
    "version",
]
