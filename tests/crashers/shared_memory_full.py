# A tmpfs of 1 MiB is written beyond its size.
#
# class: shared-memory-exhausted
# needs: tmpfs
import mmap
import os

with open(os.path.join(os.environ["SMALL_TMPFS"], "block"), "w+b") as file:
    file.truncate(8 << 20)
    mapped = mmap.mmap(file.fileno(), 8 << 20)
    mapped[:] = bytes(8 << 20)  # dies here
