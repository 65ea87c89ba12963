# Near miss: a broken pipe is an exception in Python, not a signal.
#
# class: python-exception
import os

reader, writer = os.pipe()
os.close(reader)
os.write(writer, b"x")  # dies here
