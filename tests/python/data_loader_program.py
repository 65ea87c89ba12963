"""Loads a data set with forked workers, epoch by epoch, and prints sums of what arrived: the argument says how.

numpy     a multiprocessing pool each epoch, which a thread fills while others compute
torch     PyTorch's DataLoader, with new workers each epoch, whose batches arrive in shared memory
"""

from __future__ import annotations

import multiprocessing
import sys
import threading

EPOCHS = 4
SAMPLES = 256
BATCH = 16
WORKERS = 4


def numpy_loader() -> None:
    import numpy as np

    images = np.arange(SAMPLES * 3 * 48 * 48, dtype=np.float32).reshape(SAMPLES, 3, 48, 48) % 251.0

    def load(indices: list[int]) -> tuple[int, np.ndarray]:
        batch = images[indices]  # a copy, as large as a tensor
        for _ in range(3):
            batch = np.flip(batch, axis=-1) * 0.5 + batch.mean(axis=(2, 3), keepdims=True)
        return indices[0], np.ascontiguousarray(batch)

    # Closures are not sent to a forked worker: it has them.
    globals()["_load"] = load
    context = multiprocessing.get_context("fork")
    busy = threading.Event()

    def compute() -> None:
        while not busy.is_set():
            (images[:8] * 2.0).sum()

    computing = threading.Thread(target=compute)
    computing.start()
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(SAMPLES)
        batches = [order[i : i + BATCH].tolist() for i in range(0, SAMPLES, BATCH)]
        with context.Pool(WORKERS, maxtasksperchild=2) as pool:
            arrived = sorted((first, float(batch.sum(dtype=np.float64))) for first, batch in pool.imap_unordered(_call, batches))
        print(epoch, len(arrived), [round(total, 3) for _, total in arrived], flush=True)
    busy.set()
    computing.join()


def _call(indices: list[int]):
    return globals()["_load"](indices)


def torch_loader() -> None:
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Images(Dataset):
        def __init__(self) -> None:
            self.images = torch.arange(SAMPLES * 3 * 48 * 48, dtype=torch.float32).reshape(SAMPLES, 3, 48, 48) % 251.0

        def __len__(self) -> int:
            return SAMPLES

        def __getitem__(self, index: int):
            image = self.images[index]
            return torch.flip(image, (-1,)) * 0.5 + image.mean(), index

    torch.manual_seed(7)
    convolution = torch.nn.Conv2d(3, 8, 3)
    for epoch in range(EPOCHS):
        total, indices = 0.0, []
        loader = DataLoader(Images(), batch_size=BATCH, shuffle=True, num_workers=WORKERS, prefetch_factor=2)
        for batch, numbers in loader:
            total += float(batch.double().sum())
            convolution(batch).relu().sum().backward()
            indices += numbers.tolist()
        print(epoch, round(total, 2), sorted(indices) == list(range(SAMPLES)), flush=True)


if __name__ == "__main__":
    {"numpy": numpy_loader, "torch": torch_loader}[sys.argv[1]]()
