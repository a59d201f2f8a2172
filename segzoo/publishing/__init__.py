"""Publishing: a trained model as a folder that others load years later, on the hub too.

A folder holds `model.safetensors`, `config.json` and `README.md`. Nothing in it is ever unpickled or imported.
"""
