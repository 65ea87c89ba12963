# Large temporaries in every step.
#
# grows: no
import time

for number in range(300):
    one = bytearray(3_000_000)
    two = bytes(one)
    del one, two
    time.sleep(0.004)
