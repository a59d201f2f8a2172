"""Scores of a segmentation, all from one confusion matrix over all pixels."""
