# Reference cycles come and go with the collector.
#
# grows: no
import gc
import time


class Node:
    def __init__(self):
        self.me = self
        self.data = bytearray(100_000)


gc.disable()
for number in range(400):
    Node()
    if number % 60 == 59:
        gc.collect()
    time.sleep(0.004)
