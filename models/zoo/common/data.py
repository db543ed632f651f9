"""Where the data sets lie, and the IDX format of MNIST."""

import gzip
import os
from pathlib import Path

import numpy as np


def data_folder(name: str) -> Path:
    """Folder of a data set, in the one that CIPHERLAYER_DATA names."""
    root = os.environ.get("CIPHERLAYER_DATA")
    if not root:
        raise SystemExit(f"Set CIPHERLAYER_DATA to a folder that holds {name}")
    return Path(root) / name


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes, of any rank."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"Cannot read {path}: expected an IDX file of unsigned bytes")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4).astype(int)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 28, 28) and labels (count,) of part "train" or "t10k", as bytes."""
    folder = data_folder("mnist")
    return (
        read_idx(folder / f"{part}-images-idx3-ubyte.gz"),
        read_idx(folder / f"{part}-labels-idx1-ubyte.gz"),
    )
