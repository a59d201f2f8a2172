"""The public names of segzoo and where they live: `__init__.py` loads them from here when they are first used."""

from . import matrix as matrix
from . import nn as nn
from .contract import FeatureSpec as FeatureSpec
from .contract import InputSpec as InputSpec
from .contract import grid_size as grid_size
from .contract import place_stages as place_stages
from .creation import create_model as create_model
from .decoder import Decoder as Decoder
from .descriptors import DecoderSpec as DecoderSpec
from .descriptors import EncoderSpec as EncoderSpec
from .descriptors import ImporterSpec as ImporterSpec
from .descriptors import NeckSpec as NeckSpec
from .discovery import PluginInfo as PluginInfo
from .encoder import Encoder as Encoder
from .encoder import EncoderSource as EncoderSource
from .encoder import Pretrained as Pretrained
from .encoder import placeholder as placeholder
from .errors import AmbiguousNameError as AmbiguousNameError
from .errors import CheckpointError as CheckpointError
from .errors import ContractError as ContractError
from .errors import InputError as InputError
from .errors import NegotiationError as NegotiationError
from .errors import OptionError as OptionError
from .errors import PluginError as PluginError
from .errors import SegzooError as SegzooError
from .errors import UnknownNameError as UnknownNameError
from .facts import EncoderFacts as EncoderFacts
from .facts import PublishedWeights as PublishedWeights
from .facts import measure_facts as measure_facts
from .handshake import plan as plan
from .hookspecs import hookimpl as hookimpl
from .model import SegmentationModel as SegmentationModel
from .neck import Neck as Neck
from .planning import Plan as Plan
from .preprocessing import Preprocessing as Preprocessing
from .registry import list_decoders as list_decoders
from .registry import list_encoders as list_encoders
from .registry import plugins as plugins
from .registry import register as register
from .request import EncoderRequest as EncoderRequest
from .selection import Selection as Selection
from .weights import read_weights as read_weights

__version__: str
