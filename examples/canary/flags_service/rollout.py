"""A feature is on for a share of the customers; a customer always gets the same answer."""

import hashlib


def share_of(feature, customer):
    """A number from 0 to 99 that depends on feature and customer only."""
    digest = hashlib.sha256(f"{feature}/{customer}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100


def enabled(features, feature, customer):
    """Whether the customer sees the feature; a feature that is not configured is off."""
    percent = features.get(feature, {}).get("percent", 0)
    return share_of(feature, customer) < percent
