# Near miss: waits for somebody to connect, with idle threads, and is ended.
#
# class: killed
# needs: noline
import os
import queue
import socket
import subprocess
import threading

work = queue.Queue()
threading.Thread(target=work.get, daemon=True).start()
server = socket.create_server(("127.0.0.1", 0))
# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
server.accept()
