"""From a TurnRegion and what a cluster holds of it to what is to be done. Pure: plans are values.

``planning.plan(wanted, observed, surroundings, policy, now) -> planned.Plan`` is the way in.
"""
