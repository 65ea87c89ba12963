"""Dies of SIGSEGV with TensorFlow loaded and its pools running: the crash that capture times are measured on."""

import ctypes
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402

a = tf.random.normal([256, 256])
tf.matmul(a, a).numpy()
ctypes.memset(16, 0, 1)
