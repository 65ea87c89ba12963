# Near miss: a signal the program sends itself is no fault of memory.
#
# class: killed
# also: none
# needs: noline
import os
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGINT)
