"""What runs frozen encoders: torch, or ONNX Runtime on graphs that are made of torch's modules."""
