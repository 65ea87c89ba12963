# An ordinary user may not start another thread.
#
# class: thread-limit
# also: python-exception
# needs: root
import os
import resource
import threading

os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
wait = threading.Event()
for _ in range(100):
    threading.Thread(target=wait.wait, daemon=True).start()  # dies here
