"""Settings of the tests."""

from hypothesis import settings

# How long an example takes says nothing about whether it is right, on a busy machine least of all.
settings.register_profile("funnet", deadline=None)
settings.load_profile("funnet")
