"""What works, seen from outside: STUN every second, and what a client does every half minute."""
