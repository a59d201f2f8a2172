"""Pictures that several rooms draw: class maps in colour, overlays, figures on a dark ground."""
