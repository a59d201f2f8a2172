"""Every error that segzoo raises on purpose: what was given, what was expected, what to do next."""


class SegzooError(Exception):
    """Base of all of segzoo's errors."""


class ContractError(SegzooError):
    """An encoder, neck or decoder does not do what it declares."""


class NegotiationError(SegzooError):
    """Encoder and decoder can't work together, or a wish can't be granted. Raised before any weight exists."""


class UnknownNameError(SegzooError, LookupError):
    """No plugin provides that name."""


class AmbiguousNameError(SegzooError, LookupError):
    """Several plugins provide that bare name; a canonical id (`distribution:name`) says which is meant."""


class PluginError(SegzooError):
    """A plugin can't be imported, is not valid, or is made for another version of segzoo."""


class DirectoryError(SegzooError):
    """The plugin directory can't be fetched or read."""


class CheckpointError(SegzooError):
    """A file of weights can't be read or does not fit the model."""


class OptionError(SegzooError, ValueError):
    """An option is unknown or out of range."""


class InputError(SegzooError, ValueError):
    """An image that the model can't take."""


class DataError(SegzooError, ValueError):
    """A dataset, or a file of it, that can't be read or isn't what it should be."""


class TrainingError(SegzooError, RuntimeError):
    """A run that can't start or can't go on; what it had reached is kept."""


class ExportError(SegzooError, RuntimeError):
    """A model can't be exported, or what was exported doesn't compute what the model does. Nothing is written."""


class MissingExtraError(SegzooError, ImportError):
    """A library of an extra isn't installed; the message has the command that installs it."""


class CheckpointWarning(UserWarning):
    """A checkpoint was loaded or saved, but not all of it."""


class DataWarning(UserWarning):
    """Data that can be used, though not all of it, or not as it probably was meant."""
