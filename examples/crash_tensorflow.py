"""Takes a released TensorFlow down with two honest lines of Python: what `make demo` explains.

A resampler computes its new length with an integer division. For a short clip the length is 0, and the FFT library under
TensorFlow 2.21 aborts the whole process instead of raising an error.
"""

import tensorflow as tf


def resample(clip, rate, new_rate):
    spectrum = tf.signal.rfft(clip)
    length = clip.shape[-1] * new_rate // rate
    return tf.signal.irfft(spectrum, fft_length=[length])


clips = [tf.random.normal([2, 4800]), tf.random.normal([2, 960]), tf.random.normal([2, 4])]
for clip in clips:
    print(clip.shape, "->", resample(clip, 48000, 8000).shape)
