# The file gets shorter while it is mapped.
#
# class: truncated-mapping
import mmap
import tempfile

with tempfile.TemporaryFile(dir=".") as file:
    file.write(bytes(32768))
    file.flush()
    mapped = mmap.mmap(file.fileno(), 0)
    file.truncate(0)
    print(mapped[20000:20010])  # dies here
