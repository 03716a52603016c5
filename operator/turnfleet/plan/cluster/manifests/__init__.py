"""What a region consists of: each module makes the manifest of one kind, from values alone.

A manifest holds only the fields that turnfleet owns, as a server-side apply sends them: no zero,
empty text, list or mapping that the API server would leave out, so that it can be compared.
"""
