# A buffer grows by doubling until it holds the largest message.
#
# grows: no
import random
import time

random.seed(3)
buffer = bytearray(1000)
for number in range(400):
    need = random.randrange(1_000, 20_000_000)
    if need > len(buffer):
        buffer.extend(bytes(need - len(buffer)))
    buffer[need - 1] = 1
    time.sleep(0.004)
