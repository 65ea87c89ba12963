# A view of ten numbers keeps a megabyte alive.
#
# grows: yes
# held: kept
# needs: numpy
import time

import numpy

kept = []
for number in range(200):
    batch = numpy.full(60_000, number, dtype="float64")  # grows here
    kept.append(batch[:10])
    time.sleep(0.005)
