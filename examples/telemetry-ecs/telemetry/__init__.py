"""Takes measurements in and says how they are."""
