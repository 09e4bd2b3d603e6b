"""Watches web sites and says which are well."""
