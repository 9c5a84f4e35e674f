"""Benchmarks, most of them against a plain implementation or an older version, in one run.

``crawl``, ``build`` and ``training`` measure these commands, ``sandbox`` the simulation and the
paper's results on it, ``real_posts`` every system on real posts. ``beside_older`` measures whole
commands beside an older version, ``against_build`` every row of the table of speeds, and
``prediction`` a long file of posts.
"""
