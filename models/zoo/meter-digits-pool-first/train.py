"""
The network of meter-digits with its pooling ahead of ReLU, on the same pictures and parts.

    python3 train.py RUN

RUN is a folder for checkpoints. A 3 x 3 convolution and the mean over 2 x 2 behind it are one
4 x 4 convolution of stride 2, whose weights are trained as such. Requantisation is by shifts.
"""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from common.float_network import Layer  # noqa: E402
from common.recipe import Recipe, train_and_export  # noqa: E402

specification = importlib.util.spec_from_file_location("meter_digits", HERE.parent / "meter-digits" / "train.py")
meter_digits = importlib.util.module_from_spec(specification)
specification.loader.exec_module(meter_digits)


def main() -> None:
    tenths = meter_digits.read()
    parts = {part: (pictures, position // 10) for part, (pictures, position) in tenths.items()}
    pictures, position = tenths["test"]
    inside = (position % 10 >= 2) & (position % 10 <= 7)
    tests = {"test": parts["test"], "testBetween.2And.7": (pictures[inside], position[inside] // 10)}
    recipe = Recipe(
        name="meter-digits-pool-first",
        layers=[Layer(16, kernel=(4, 4), stride=(2, 2)), Layer(32, kernel=(4, 4), stride=(2, 2)), Layer(64), Layer(10)],
        labels=[str(digit) for digit in range(10)],
        input_high=31,
        limits=[15, 7, 3, 31],
        bits=[6, 6, 6],
        distort=meter_digits.change,
        float_epochs=80,
        quantised_epochs=40,
        shifts_only=True,
    )
    train_and_export(recipe, Path(sys.argv[1]), HERE, parts["train"], parts["validation"], tests)


if __name__ == "__main__":
    main()
