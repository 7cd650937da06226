"""Learning: labels in, a model folder out. Needs the packages of `pip install ".[train]"`."""
