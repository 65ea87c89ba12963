# SIGTERM from another process.
#
# class: killed
# needs: noline
import os
import subprocess
import time

subprocess.Popen(["sh", "-c", f"kill -TERM {os.getpid()}"])
time.sleep(60)
