"""What a client is told: credentials, URLs by profile, formats. Pure; knows no geography."""
