"""What two ranks compute, each beside the same alone; run as two processes, each of which prints one JSON object.

``RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 python together.py``
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latens.data.batches import ResidentRows, TrainingData
from latens.data.sequences import SequenceRows, plain_windows
from latens.devices import Runtime, launch
from latens.errors import DataError
from latens.group import Group
from latens.models import build
from latens.norms import share_norms
from latens.ranks import Share
from latens.training import TrainConfig, evaluate, train

RUNTIME = launch("cpu")
ALONE = replace(RUNTIME, group=Group())
GROUP = RUNTIME.group
SHARE = GROUP.share


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def rows(n: int, batch_size: int, share: Share) -> ResidentRows:
    x = numbers(n, 5)
    return ResidentRows(x, x, torch.arange(n), batch_size=batch_size, seed=3, share=share)


def indices() -> Any:
    """Of 21 rows those that this rank learns from in each epoch, and those that it judges."""
    mine = rows(21, 4, SHARE)
    learned = [[int(i) for batch in mine.batches(epoch) for i in batch.random.index] for epoch in range(3)]
    return learned, [int(i) for batch in mine.in_order() for i in batch.random.index]


def metrics() -> Any:
    """The loss of 21 rows, by all ranks and by one, in batches of four."""
    network = build("deep", {"encoder": [5, 3, 2], "block": {"activation": "tanh"}}, 0).double()

    class Small(ResidentRows):
        _evaluation_batch = 4

    x = numbers(21, 5)
    of = [Small(x, x, torch.arange(21), 4, 3, share) for share in (SHARE, Share())]
    return evaluate(network, of[0], GROUP), evaluate(network, of[1])


def norms() -> Any:
    """The largest differences of outputs, gradients and buffers from torch's layer, with shares uneven and empty."""
    found = []
    for kind, shape in ((nn.BatchNorm1d, (7, 3)), (nn.BatchNorm2d, (5, 3, 4, 6)), (nn.BatchNorm1d, (2, 3))):
        x, to_output, share = numbers(*shape), numbers(*shape, seed=1), SHARE
        if shape == (2, 3):  # both rows are the second rank's
            share = Share(SHARE.rank, 1) if SHARE.rank else Share(0, 10)
        mine = slice(0, 0) if share.count == 10 else slice(0, 2) if shape == (2, 3) else share.of(len(x))
        theirs = kind(3).double()
        with torch.no_grad():
            theirs.weight.uniform_(0.5, 2.0, generator=torch.Generator().manual_seed(0))
        ours = nn.Sequential(copy.deepcopy(theirs))
        share_norms(ours, GROUP)
        whole, part = x.clone().requires_grad_(), x[mine].clone().requires_grad_()
        expected, got = theirs(whole), ours(part)
        (expected * to_output).sum().backward()
        (got * to_output[mine]).sum().backward()
        assert whole.grad is not None
        assert part.grad is not None
        pairs = [(got, expected[mine]), (part.grad, whole.grad[mine])]
        pairs += [(GROUP.total(p.grad), q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
        pairs += zip(ours.buffers(), theirs.buffers(), strict=True)
        found.append(max(float((a - b).abs().max()) if a.numel() else 0.0 for a, b in pairs))
    return found, list(ours.state_dict()) == [f"0.{name}" for name in theirs.state_dict()]


def fit_of(network: Callable[[], nn.Module], data: Callable[[Share], Any], **how: Any) -> Any:
    """Losses of both kinds, and the largest difference of a weight, of a fit by all ranks and by one."""
    found = []
    for runtime in (RUNTIME, ALONE):
        model = network()
        history = train(model, TrainingData(data(Share()), data(Share())), TrainConfig(3, 1e-2, **how), runtime)
        found.append((history["train_loss"], history["validation_loss"], model.state_dict()))
    (*ours, weights), (*theirs, expected) = found
    return ours, theirs, max(float((weights[name] - expected[name]).abs().max()) for name in expected)


def autoencoder() -> Any:
    style = {"activation": "tanh", "dropout": 0.2}
    config = {"encoder": [5, 4, 2], "block": style, "corruption": "gaussian:0.3"}
    return fit_of(lambda: build("deep", config, 1).double(), lambda share: rows(21, 4, share), clip_norm=0.5)


def hidden_region() -> Any:
    """Ranks weigh by the cells that are hidden in their rows, of which there may be none."""
    task = {"name": "masking", "probability": 0.2, "loss_region": "hidden"}
    config = {"encoder": [5, 4, 2], "block": {"activation": "tanh"}, "corruption": task}
    return fit_of(lambda: build("deep", config, 1).double(), lambda share: rows(21, 4, share))


def text(carry: bool) -> Any:
    items = torch.from_numpy(np.random.default_rng(0).integers(0, 7, 160))
    offsets = np.array([0, 33, 34, 90, 160])

    def data(share: Share) -> SequenceRows:
        windows = plain_windows(offsets, 9)
        return SequenceRows(items, windows, 3, 5, torch.device("cpu"), carry=carry, share=share)

    network = {"n_items": 7, "hidden_size": 6, "embedding_size": 4, "n_layers": 2, "dropout": 0.1}
    return fit_of(lambda: build("text", network, 2).double(), data)


def agreements() -> Any:
    """What the ranks say to each other."""
    rank = GROUP.place.rank
    tensors = {"a": torch.arange(3), "b": torch.tensor([True, False]), "c": torch.zeros(0, 2), "d": torch.tensor(0.1)}
    same = GROUP.same_tensors(tensors if rank == 0 else {})
    try:
        GROUP.check_same(lambda: {"seed": 1, "data": rank})
        refused = ""
    except DataError as error:
        refused = str(error)
    return {
        "same": GROUP.same({"of": rank, "π": [0.1, None]}),
        "tensors": all(torch.equal(same[name], tensors[name]) for name in tensors),
        "greatest": GROUP.greatest(7 - rank),
        "joined": GROUP.joined(torch.full((2, 1 + rank), float(rank)), 1).tolist(),
        "refused": refused,
    }


def main(runtime: Runtime) -> dict[str, Any]:
    found = {work.__name__: work() for work in (indices, metrics, norms, autoencoder, hidden_region, agreements)}
    return found | {"text": text(carry=False), "carried": text(carry=True)}


if __name__ == "__main__":
    print(json.dumps(main(RUNTIME)))
    GROUP.leave()
