"""How the internet is wired, roughly: cities, routes between them, and what follows for a ping.

Rule: facts are data in ``hubs``, ``links`` and ``access``, each with its source; a handful of
constants for the whole world is in ``tuning``. No fact is derived from measured round trips.
"""
