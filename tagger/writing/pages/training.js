// Nothing to do: the report of a training only stands there to be read
