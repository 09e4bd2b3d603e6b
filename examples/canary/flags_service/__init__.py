"""Decides which features a customer sees."""
