"""What a client is told: credentials, URLs by profile, response formats. Pure; knows no geography."""
