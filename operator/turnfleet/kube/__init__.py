"""The Kubernetes API: requests, watches, what they mean when they fail. Decides nothing.

Objects are the API's own JSON here and nowhere above it: who asks parses what it needs.
"""
