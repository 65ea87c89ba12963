# Near miss: signals and errors that the program handles.
#
# class: none
import signal
import sys

signal.signal(signal.SIGUSR1, lambda *_: None)
signal.raise_signal(signal.SIGUSR1)
try:
    1 // 0
except ZeroDivisionError:
    sys.exit(0)
