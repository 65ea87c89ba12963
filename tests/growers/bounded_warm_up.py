# Generated code and tables in the first steps, none later.
#
# grows: no
import time

compiled = {}


def kernel(size):
    if size not in compiled:
        lines = "\n".join(f"x{i} = {i} + {size}" for i in range(300))
        compiled[size] = (compile(lines, "<kernel>", "exec"), bytearray(200_000))
    return compiled[size]


for number in range(400):
    kernel(number % 40)
    time.sleep(0.004)
