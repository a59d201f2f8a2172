"""The handshake: an encoder offers, a decoder selects, and what they agree on is a plan."""
