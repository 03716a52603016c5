"""What was learned, on disk: one SQLite file per replica.

Rule: the file is a convenience. Whatever is wrong with it or with the disk, what is known stays in
memory, answers go on, and a sentence says what is the matter.
"""
