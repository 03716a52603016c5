"""What was learned, beyond one program's memory: on disk, and among the replicas of a fleet.

Rule: both are a convenience. Whatever is wrong with the file, the disk, the network or a peer, what
is known stays in memory, answers go on, and a sentence says what is the matter.
"""
