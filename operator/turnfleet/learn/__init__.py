"""What clients' reports teach about round trips.

Rule: pure, like ``steer`` and ``ice``; the clock is an argument. What is kept is a bounded set of
facts, each of them measured once, and all estimates are functions of that set, the prior and the
time. So replicas that have the same facts, in whatever order and however often they heard of them,
estimate the same.

``report`` reads, ``convert`` makes round trips of times, ``sites`` tells which region they are of,
``facts`` and ``sources`` keep them, ``crowd`` hears many sources of one cell, ``belief`` weighs,
``posterior`` estimates, ``views`` keeps what was estimated for a client, ``spent`` lets each token
count once.
"""
