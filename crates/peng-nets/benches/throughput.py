"""Images a second of this project's training loop beside the same in Python.

Builds the same networks with PyTorch, takes turns with the Rust example `throughput`, and prints
the median of each with their ratio. The versions of libtorch have to be the same.

    python crates/peng-nets/benches/throughput.py target/release/examples/throughput
"""

import argparse
import json
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional

GENOMES = {
    "small": ("1000001-1000001-1000001", "8,16,32"),
    "middle": ("1011010-0010110-1111111", "16,32,64"),
    "large": ("1111111-1111111-1111111", "24,48,96"),
}


class Join(nn.Module):
    """Sources side by side, brought back to the phase's channels if there are several."""

    def __init__(self, sources, channels):
        super().__init__()
        self.sources = ["input" if s == "input" else s["node"] for s in sources]
        several = len(sources) > 1
        self.conv = nn.Conv2d(len(sources) * channels, channels, 1, bias=False) if several else None

    def forward(self, image, outputs):
        parts = [image if s == "input" else outputs[s] for s in self.sources]
        return parts[0] if self.conv is None else self.conv(torch.cat(parts, 1))


class Phase(nn.Module):
    """One phase of the macro space."""

    def __init__(self, phase):
        super().__init__()
        channels, entry = phase["out_channels"], phase["entry"]
        self.entry = entry and nn.Conv2d(
            entry["in_channels"],
            entry["out_channels"],
            entry["kernel"],
            padding=entry["padding"],
            bias=False,
        )
        nodes = phase["nodes"]
        self.joins = nn.ModuleList(Join(node["inputs"], channels) for node in nodes)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in nodes
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in nodes)
        self.output = Join(phase["output"], channels)
        self.norm = nn.BatchNorm2d(channels)
        self.pool = phase["pool"]

    def forward(self, image):
        image = self.entry(image) if self.entry else image
        outputs = []
        for join, conv, norm in zip(self.joins, self.convs, self.norms):
            outputs.append(functional.relu_(norm(conv(join(image, outputs)))))
        image = functional.relu_(self.norm(self.output(image, outputs)))
        return functional.max_pool2d(image, 2) if self.pool else image


class Network(nn.Module):
    """A network of the macro space, from the description that the Rust program prints."""

    def __init__(self, architecture):
        super().__init__()
        phases = architecture["phases"]
        self.phases = nn.Sequential(*map(Phase, phases))
        self.head = nn.Linear(phases[-1]["out_channels"], architecture["classes"])

    def forward(self, image):
        image = functional.adaptive_avg_pool2d(self.phases(image), 1)
        return self.head(torch.flatten(image, 1))


def in_python(architecture, options):
    """Images a second of each epoch."""
    device = torch.device(options.device)
    half = device.type == "cuda"
    net = Network(architecture).to(device)
    if half:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    channels = architecture["input"]["channels"]
    shape = (options.images + options.batch, channels, options.side, options.side)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    labels = (torch.arange(len(images)) % 10).to(device)
    train = images[: options.images]
    mean = train.float().mean((0, 2, 3), keepdim=True)
    deviation = train.float().std((0, 2, 3), keepdim=True, correction=0)

    def normalised(batch):
        batch = batch.float().sub_(mean).div_(deviation)
        return batch.contiguous(memory_format=torch.channels_last) if half else batch

    rates = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        net.train()
        total = torch.zeros((), dtype=torch.float64, device=device)
        order = torch.randperm(options.images).to(device)
        for places in order.split(options.batch):
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                loss = functional.cross_entropy(net(normalised(train[places])), labels[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        float(total)
        net.eval()
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            hits = net(normalised(images[options.images :])).argmax(1) == labels[options.images :]
            float(hits.sum())
        rates.append(options.images / (time.perf_counter() - start))
    return rates


def in_rust(genome, channels, options):
    """What the example prints."""
    numbers = [options.threads, options.batch, options.images, options.epochs, options.side]
    command = [options.program, options.device, *map(str, numbers), channels, genome]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built example `throughput`")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0; bf16 on cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=2048, help="a multiple of the batch")
    parser.add_argument("--epochs", type=int, default=2, help="in each turn")
    parser.add_argument("--side", type=int, default=28, help="28 (grey) or 32 (colour)")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {options.device}, {options.threads} threads")
    for name, (genome, channels) in GENOMES.items():
        rust, python = [], []
        for _ in range(options.turns):
            told = in_rust(genome, channels, options)
            # The first epoch warms up.
            rust += told["images_per_second"][1:]
            net = Network(told["architecture"])
            assert sum(p.numel() for p in net.parameters()) == told["parameters"]
            python += in_python(told["architecture"], options)[1:]
        mine, theirs = statistics.median(rust), statistics.median(python)
        print(
            f"{name}: {told['parameters']} parameters, {told['flops'] / 1e6:.1f} MFLOPs:"
            f" {mine:.0f} images a second, Python {theirs:.0f}: {mine / theirs:.2f}x"
        )


if __name__ == "__main__":
    main()
