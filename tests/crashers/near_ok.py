# Near miss: nothing happens.
#
# class: none
print("fine")
