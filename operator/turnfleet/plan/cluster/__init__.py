"""From a TurnRegion and what a cluster holds of it to what is to be done. Pure: plans are values.

``planning.plan`` is the way in. It asks ``acceptance`` whether the spec is followed, ``members``
what is there, ``rollout`` what happens to relays, ``manifests`` what a region consists of, and
``guard`` for the last word; ``status`` tells it.
"""
