"""From what is declared and what is seen to what is to be done. Pure: plans are values."""
