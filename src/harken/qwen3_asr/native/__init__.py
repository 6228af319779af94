"""The network on x86 CPUs: weights packed for the order in which they are read, and kernels of our own (see kernels.h).

`pack` replaces the parts of a loaded network by parts of the same shape; everything above goes on as before.
"""
