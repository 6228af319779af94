"""What this machine has: cores, processor, memory, disks, GPUs.

Thin looks at the system and pure readers of what it says, without an opinion and without torch. Whatever cannot be
learnt is None, or a reason in the system's own words; nothing here raises because a machine is odd.
"""
