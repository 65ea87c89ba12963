# An ordinary traceback.
#
# class: python-exception
def lookup(table):
    return table["b"]  # dies here


lookup({"a": 1})
