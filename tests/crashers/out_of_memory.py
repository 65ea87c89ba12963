# A cgroup of 64 MiB is exceeded: the kernel kills.
#
# class: out-of-memory
# needs: cgroup noline
import os

with open(os.path.join(os.environ["SMALL_CGROUP"], "cgroup.procs"), "w") as procs:
    procs.write(str(os.getpid()))
hold = []
while True:
    hold.append(b"x" * (1 << 20))
