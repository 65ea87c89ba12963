# abort() without a message.
#
# class: abort
import os

os.abort()  # dies here
