# Blocks of many sizes, most of them freed again: the heap has holes, nothing grows.
#
# grows: no
import random
import time

random.seed(2)
blocks = [None] * 400
for number in range(400):
    for _ in range(20):
        blocks[random.randrange(400)] = bytearray(random.randrange(1_000, 60_000))
    time.sleep(0.004)
