"""Whether a refused picture is believed."""
