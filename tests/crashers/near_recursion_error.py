# Near miss: Python stops the recursion before the stack ends.
#
# class: python-exception
def down(n):
    return down(n + 1)  # dies here


down(0)
