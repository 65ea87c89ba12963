# Small objects only: Python's own allocator serves them from arenas that it maps.
#
# grows: yes
# held: names
import time

names = {}
for number in range(200):
    names.update({(number, i): str(number * i) for i in range(1500)})  # grows here
    time.sleep(0.005)
