"""Which pair is best on data: many are trained under one budget, and the weak ones stopped early."""
