"""What is known about addresses and place names, read from files. Missing data is a lower rung."""
