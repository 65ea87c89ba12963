# Near miss: a fork without threads, both end well.
#
# class: none
import os

pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
