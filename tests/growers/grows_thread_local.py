# A worker keeps each result in its thread-local storage.
#
# grows: yes
import threading
import time

store = threading.local()


def work():
    store.results = []
    for number in range(200):
        store.results.append(b"%d" % number + bytes(120_000))  # grows here
        time.sleep(0.005)


worker = threading.Thread(target=work)
worker.start()
worker.join()
