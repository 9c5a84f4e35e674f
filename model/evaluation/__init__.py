"""How good answers are: metrics, calibration, robustness."""
