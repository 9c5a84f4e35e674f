"""How fast and how often: the quota, the retry policy, breakers, the clock."""
