# A list that is filled first and worked on then.
#
# grows: no
import time

rows = []
for number in range(150):
    rows.append(bytearray(120_000))
    time.sleep(0.004)
for number in range(200):
    rows[number % 150][number] = 1
    time.sleep(0.004)
