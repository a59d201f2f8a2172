"""Export: a model as a file that another runtime executes, verified there before it appears."""
