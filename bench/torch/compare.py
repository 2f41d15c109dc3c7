"""Trains the network of package autoencoder with PyTorch on one thread.

Same network ([x*m, m] -> 32 -> 8 -> 32 -> M, tanh), data size, batch, epochs,
masks, weighted Huber loss, Adam and cosine rate as `autoencoder.Train`. Data
stays in one tensor, batches are cut by a permutation (no DataLoader), and the
fastest of four runs (two with Adam's `foreach`) counts. Prints one JSON object.

usage: python3 compare.py [rows width epochs]
"""
import json
import math
import sys
import time

import torch

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
rows, width, epochs = (int(a) for a in sys.argv[1:4]) if len(sys.argv) > 3 else (10080, 40, 12)
batch, rate, mask_rate, clip, scale, plain = 128, 2e-3, 0.3, 3.0, 0.25, 0.1


def low_rank(rank=6, sd=0.2):
    z = torch.randn(rows, rank)
    return z @ torch.randn(rank, width) / math.sqrt(rank) + sd * torch.randn(rows, width)


def network():
    sizes = [2 * width, 32, 8, 32, width]
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        linear = torch.nn.Linear(a, b)
        torch.nn.init.uniform_(linear.weight, -1 / math.sqrt(a), 1 / math.sqrt(a))
        torch.nn.init.zeros_(linear.bias)
        layers.append(linear)
        if i < len(sizes) - 2:
            layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers)


def train(data, **adam):
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, **adam)
    steps = epochs * math.ceil(rows / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    loss_fn = torch.nn.HuberLoss(reduction="none", delta=clip)
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(rows)
        for lo in range(0, rows, batch):
            x = data[order[lo:lo + batch]]
            m = (torch.rand_like(x) >= mask_rate).float()
            y = net(torch.cat((x * m, m), 1))
            weight = 1 - (1 - plain) * m
            loss = (weight * loss_fn(y, x)).sum() * (scale / batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        m = (torch.rand_like(data) >= mask_rate).float()
        hidden = ((net(torch.cat((data * m, m), 1)) - data) ** 2 * (1 - m)).sum() / (1 - m).sum()
    return seconds, hidden.item()


torch.manual_seed(1)
data = low_rank()
train(data[:], )  # warm-up, not counted
runs = [train(data, foreach=f) for f in (False, True, False, True)]
seconds, loss = min(runs)
print(json.dumps({"torch": torch.__version__, "seconds": seconds, "loss": loss,
                  "rows": rows, "width": width, "epochs": epochs}))
