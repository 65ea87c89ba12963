# A model is trained.
#
# grows: no
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(64, activation="relu"), tf.keras.layers.Dense(1)])
model.compile(optimizer="adam", loss="mse")
x = tf.random.normal((4096, 32))
y = tf.random.normal((4096, 1))
model.fit(x, y, epochs=12, batch_size=64, verbose=0)
