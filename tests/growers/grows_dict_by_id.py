# A cache keyed by id(): what it holds keeps the object alive, so that the key never comes again. Two lines make what
# it holds, as much each.
#
# grows: yes
# held: cache
# needs: numpy
import time

import numpy

cache = {}


def normalised(batch):
    key = id(batch)
    if key not in cache:
        cache[key] = (batch, batch / batch.max())  # grows here
    return cache[key][1]


for number in range(200):
    batch = numpy.random.random(40_000) + number  # grows here
    normalised(batch)
    time.sleep(0.005)
