"""How fast requests are sent and how often they are retried."""
