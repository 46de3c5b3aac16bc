"""Why there is no answer, by the exit code that the command would give. The text is the command's: what is wrong,
where it stands, and what to write instead."""

__all__ = ["ConfigError", "Error", "InfeasibleError", "Interrupted", "MachineError"]


class Error(Exception):
    """There is no answer; ``exit_code`` is the one of the command."""

    exit_code = 1


class MachineError(Error):
    """The machine that simulates is to blame: a disk is full, threads cannot be started."""


class ConfigError(Error, ValueError):
    """The question, a scenario, a trace or a catalogue is wrong."""

    exit_code = 2


class InfeasibleError(Error):
    """The model does not fit into the memory of the GPU."""

    exit_code = 3


class Interrupted(Error):
    """Something stopped it. Ctrl-C raises ``KeyboardInterrupt`` instead."""

    exit_code = 130
