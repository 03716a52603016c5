"""What works, seen from outside: STUN every second, and what a client does every half minute.

Rule: ``targets heartbeat findings blame verdict doubt damping`` decide and are pure (time is an
argument, no asyncio); ``beacon rehearsal agents prober`` do the I/O and decide nothing.
"""
