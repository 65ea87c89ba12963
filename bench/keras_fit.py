"""Import of TensorFlow plus a small Keras fit: the program whose time with and without Segwhy is compared."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.random.set_seed(1)
rng = np.random.default_rng(1)
x = rng.standard_normal((4096, 64), dtype=np.float32)
y = rng.integers(0, 10, 4096)
model = tf.keras.Sequential(
    [tf.keras.layers.Dense(256, activation="relu"), tf.keras.layers.Dense(128, activation="relu"), tf.keras.layers.Dense(10)]
)
model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, batch_size=64, epochs=6, verbose=0)
