"""A pytest plugin: Hypothesis stops at the first failing example.

Any failing example kills a mutant. To shrink it and to explain it would take most of the time.
"""

from hypothesis import Phase, settings

settings.register_profile("first failure", phases=[Phase.explicit, Phase.reuse, Phase.generate])
settings.load_profile("first failure")
