"""Property tests of the engine run without hypothesis' deadline: a busy machine may pause for longer."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
