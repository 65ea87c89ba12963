# SIGKILL from another process.
#
# class: killed
# needs: noline
import os
import subprocess
import time

subprocess.Popen(["sh", "-c", f"kill -KILL {os.getpid()}"])
time.sleep(60)
