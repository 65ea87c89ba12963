# Buffers are taken from a pool that grows to what is needed at once.
#
# grows: no
import random
import time

random.seed(1)
pool, used = [], []
for number in range(400):
    used.append(pool.pop() if pool else bytearray(150_000))
    if len(used) > 60 or random.random() < 0.4:
        pool.append(used.pop(random.randrange(len(used))))
    time.sleep(0.004)
