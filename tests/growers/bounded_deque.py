# The last hundred results.
#
# grows: no
import time
from collections import deque

recent = deque(maxlen=100)
for number in range(400):
    recent.append(bytearray(110_000))
    time.sleep(0.004)
