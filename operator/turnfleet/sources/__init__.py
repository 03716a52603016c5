"""Where the declared regions come from. I/O only; a source never decides what to do with them."""
