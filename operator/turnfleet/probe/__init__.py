"""What works, seen from outside: STUN every second, and what a client does every half minute.

Rule: ``cadence targets heartbeat findings blame damping doubt record verdict pacing extras``
decide and are pure, time being an argument; ``beacon agents reaching rehearsal second_look errands
desk prober`` do the I/O and decide nothing.
"""
