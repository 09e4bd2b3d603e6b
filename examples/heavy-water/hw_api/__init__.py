"""The Heavy Water API: how full is the tank, and may it be filled further?"""
