"""What ``benchmarks/against_build.py`` measures in two builds of this project, and how."""
