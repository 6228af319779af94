"""The decoder on CUDA devices: fused kernels (Triton) and decode steps recorded as CUDA graphs."""
