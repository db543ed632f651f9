"""The training loop: one checkpoint and one line of `log.csv` an epoch; starts again where it stopped."""

import csv
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


class Average:
    """Exponential moving average of a model's floating-point state."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.updates = decay, 0
        self.state = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        weight = 1 - min(self.decay, self.updates / (self.updates + 10))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, weight)
            else:
                self.state[name].copy_(value)


def one_cycle(progress: float) -> float:
    """Share of the peak learning rate: linear rise over a tenth of the training, then a cosine."""
    if progress < 0.1:
        return 0.1 + 9 * progress
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) + 1e-3


@torch.no_grad()
def accuracy(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers for inputs in [0, 1]."""
    model.eval()
    parts = zip(inputs.split(500), labels.split(500))
    return sum(int((model(x).argmax(1) == y).sum()) for x, y in parts) / len(labels)


def distillation_loss(logits: torch.Tensor, labels: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
    """
    Cross entropy with slightly smoothed labels; with a teacher's logits, three parts
    in four of it give way to the teacher's answers at temperature 2.
    """
    if target is None:
        return F.cross_entropy(logits, labels, label_smoothing=0.04)
    soft = F.kl_div(F.log_softmax(logits / 2, 1), F.softmax(target / 2, 1), reduction="batchmean") * 4
    return 0.75 * soft + 0.25 * F.cross_entropy(logits, labels)


def fit(
    model: nn.Module,
    run: Path,
    epochs: int,
    batches: Callable[[int], Iterable[Batch]],
    optimiser: torch.optim.Optimizer,
    validation: tuple[torch.Tensor, torch.Tensor],
    decay: float = 0.998,
    extra_loss: Callable[[nn.Module], torch.Tensor] | None = None,
    schedule: Callable[[nn.Module, float], None] | None = None,
) -> None:
    """
    Trains `model`; `batches(epoch)` yields inputs in [0, 1], labels and a teacher's
    logits or None. `schedule` sees the model now and then with the share of the training done. Leaves the averaged weights in `run/last.pt`, and those of the
    best validation accuracy in `run/best.pt`.
    """
    run.mkdir(parents=True, exist_ok=True)
    average, first, best, steps = Average(model, decay), 0, 0.0, 0
    for group in optimiser.param_groups:
        group["peak"] = group["lr"]
    if (run / "state.pt").exists():
        saved = torch.load(run / "state.pt")
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        average.state, average.updates = saved["average"], saved["updates"]
        first, best, steps = saved["epoch"], saved["best"], saved["steps"]
    for epoch in range(first, epochs):
        began, total, right, seen, step = time.time(), 0.0, 0, 0, 0
        model.train()
        for inputs, labels, target in batches(epoch):
            progress = (epoch + (step / steps if steps else 0)) / epochs
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * one_cycle(min(progress, 1.0))
            if schedule and step % 20 == 0:
                schedule(model, progress)
            logits = model(inputs)
            loss = distillation_loss(logits, labels, target)
            if extra_loss:
                loss = loss + extra_loss(model)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            average.update(model)
            total += float(loss) * len(labels)
            right += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
            step += 1
        steps = step
        plain = accuracy(model, *validation)
        current = {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(average.state)
        averaged = accuracy(model, *validation)
        torch.save(average.state, run / "last.pt")
        if averaged >= best:
            best = averaged
            torch.save(average.state, run / "best.pt")
        model.load_state_dict(current)
        state = {
            "model": current, "optimiser": optimiser.state_dict(), "average": average.state, "updates": average.updates,
            "epoch": epoch + 1, "best": best, "steps": steps,
        }  # fmt: skip
        torch.save(state, run / "state.part")
        (run / "state.part").rename(run / "state.pt")
        append_log(
            run / "log.csv",
            {
                "epoch": epoch + 1,
                "loss": f"{total / seen:.5f}",
                "train_accuracy": f"{right / seen:.5f}",
                "validation_accuracy": f"{plain:.5f}",
                "validation_accuracy_averaged": f"{averaged:.5f}",
                "seconds": f"{time.time() - began:.1f}",
            },
        )


def append_log(path: Path, row: dict) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def join_logs(path: Path, runs: dict[str, Path]) -> None:
    """Writes the logs of several stages as one learning curve whose epochs count on."""
    columns = ["loss", "train_accuracy", "validation_accuracy", "validation_accuracy_averaged"]
    rows = [(stage, row) for stage, run in runs.items() for row in csv.DictReader((run / "log.csv").open())]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["stage", "epoch", *columns])
        for epoch, (stage, row) in enumerate(rows, 1):
            writer.writerow([stage, epoch, *[row[column] for column in columns]])


def fine_tuning_optimiser(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Adam for weights, biases, scales and steps of a quantised network."""
    return torch.optim.Adam(model.parameters(), lr=rate)
