"""The plugin directory: which published distribution provides which name, and how its last check went.

It is a JSON document that grows without a release, and a copy ships with segzoo, so that a name that isn't installed
gets a hint instead of a shrug::

    {"format": 1, "plugins": [{"distribution": "segzoo-ocr", "summary": "...", "homepage": "https://...",
                               "decoders": ["ocr"], "conformance": {"date": "2026-11-27", ...}}]}

Being listed is no endorsement, and nothing is installed because of it. `known` asks nobody: hints are made of it.
`latest` asks the address, for the commands that are about the directory. Neither imports a plugin.
"""

from segzoo.directory.asking import known as known
from segzoo.directory.asking import latest as latest
from segzoo.directory.document import Directory as Directory
from segzoo.directory.document import read_directory as read_directory
from segzoo.directory.listing import Conformance as Conformance
from segzoo.directory.listing import Findings as Findings
from segzoo.directory.listing import Listing as Listing
