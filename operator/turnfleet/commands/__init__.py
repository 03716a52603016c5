"""One module per verb of the command line: it binds parts, prints, and returns an exit code."""
