"""Where a training's figures are kept for tools that show them: TensorBoard, MLflow, W&B."""
