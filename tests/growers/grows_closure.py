# Every step leaves a callback behind that holds the step's buffer.
#
# grows: yes
# held: callbacks
import time

callbacks = []


def step(number):
    buffer = bytearray(100_000)  # grows here
    callbacks.append(lambda: buffer[number % 100])


for number in range(200):
    step(number)
    time.sleep(0.005)
