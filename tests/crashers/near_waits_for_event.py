# Near miss: waits for an event until it is ended, as services do.
#
# class: killed
# needs: noline
import os
import subprocess
import threading

# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
threading.Event().wait()
