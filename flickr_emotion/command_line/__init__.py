"""What all commands share: parameters from options, the configuration file, output."""
