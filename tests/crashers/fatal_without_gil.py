# Calls the C API without holding the GIL.
#
# class: python-fatal
# also: null-pointer abort
import ctypes

api = ctypes.CDLL(None)  # CDLL releases the GIL around calls; PyDLL would not
api.PyList_New.restype = ctypes.c_void_p
for _ in range(1000):
    api.PyErr_SetString(ctypes.py_object(ValueError), b"no thread state")  # dies here
