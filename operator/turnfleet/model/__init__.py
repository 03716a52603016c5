"""The values that the parts of turnfleet exchange. Rule: no I/O, no clock, no randomness.

Everything is frozen and slotted; collections are tuples or mappings that nobody mutates. Untyped
data (YAML, JSON) ends here: past ``turnregion.parse`` there is no dict.
"""
