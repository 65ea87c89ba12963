# Python recursion through C with the limit raised (3.12 and later refuse it in time).
#
# class: stack-overflow
# also: python-exception
import sys

sys.setrecursionlimit(10**8)


class Chain:
    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return "<" + repr(self.inner) + ">"  # dies here


chain = None
for _ in range(10**6):
    chain = Chain(chain)
repr(chain)
