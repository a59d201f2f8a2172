"""Other libraries' interfaces to segzoo's models, so that a script moves here by changing one import."""
