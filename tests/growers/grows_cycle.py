# Reference cycles that hold tensors, with the collector switched off.
#
# grows: yes
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
import gc

gc.disable()


class Node:
    def __init__(self, value):
        self.value = value
        self.me = self


for i in range(200):
    Node(tf.random.normal((200, 500)))  # grows here
    for _ in range(16):  # the step's own work
        tf.reduce_sum(tf.matmul(tf.ones((200, 500)), tf.ones((500, 200))))
