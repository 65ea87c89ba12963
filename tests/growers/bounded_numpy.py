# Arithmetic on arrays: temporaries, and one result of each size.
#
# grows: no
# needs: numpy
import time

import numpy

state = numpy.zeros((300, 300))
for number in range(300):
    state = 0.9 * state + numpy.random.random((300, 300)) @ state / 300 + 1
    time.sleep(0.004)
