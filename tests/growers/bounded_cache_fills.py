# A cache of limited size fills up and stays full.
#
# grows: no
import time
from collections import OrderedDict

cache = OrderedDict()
for number in range(400):
    cache[number] = bytearray(100_000)
    if len(cache) > 120:
        cache.popitem(last=False)
    time.sleep(0.004)
