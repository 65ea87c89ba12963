# Native code that takes a reference to its result once too often.
#
# grows: yes
import ctypes
import time

incref = ctypes.pythonapi.Py_IncRef
incref.argtypes = [ctypes.py_object]


def frame(number):
    pixels = bytearray(90_000)  # grows here
    incref(pixels)
    return pixels


for number in range(200):
    frame(number)[0] = 1
    time.sleep(0.005)
