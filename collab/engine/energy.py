"""How much energy a training took, as far as anything here can tell: a device's own counter before an estimate."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the counters of processors."""


class Counter(NamedTuple):
    """Something that counts joules from some moment on."""

    read: Callable[[], float | None]
    stop: Callable[[], object] = lambda: None


class Meter:
    """Counts from when it is made.

    The device's counter counts all that the device did; so does the processors'. codecarbon estimates from the load.
    """

    def __init__(self, device: torch.device) -> None:
        self.by = ""
        self._counter, self._start = Counter(lambda: None), 0.0
        known: tuple[tuple[str, Callable[[], Counter | None]], ...] = (
            ("the device's own counter", lambda: _nvml(device)),
            ("the processor's own counter", lambda: _rapl(device)),
            ("an estimate of codecarbon", _codecarbon),
        )
        for by, make in known:
            counter = make()
            first = None if counter is None else counter.read()
            if counter is not None and first is not None:
                self.by, self._counter, self._start = by, counter, first
                return

    def close(self) -> None:
        """Stop what runs beside it."""
        self._counter.stop()

    def joules(self) -> float | None:
        """Since it was made; None where nothing can tell."""
        now = self._counter.read()
        return None if now is None else max(0.0, now - self._start)


def _nvml(device: torch.device) -> Counter | None:
    """The counter of an NVIDIA device."""
    if device.type != "cuda":
        return None
    try:
        nvml: Any = importlib.import_module("pynvml")  # ships no types
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}".encode())
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # no library, no driver, no counter: then something else tells
        return None
    return Counter(lambda: float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000)


def _rapl(device: torch.device) -> Counter | None:
    """The counters of all processor packages; they begin anew at a limit, which is noticed at each look."""
    if device.type != "cpu":
        return None
    try:  # `psys` counts the packages once more, and their parts are named `core` and `dram`
        zones = sorted(POWERCAP.glob("intel-rapl:*"))
        counters = [path for path in zones if (path / "name").read_text().startswith("package")]
        limits = [int((path / "max_energy_range_uj").read_text()) for path in counters]
        last = [int((path / "energy_uj").read_text()) for path in counters]
    except (OSError, ValueError):
        return None
    if not counters:
        return None
    total = 0

    def read() -> float | None:
        nonlocal total
        for at, path in enumerate(counters):
            try:
                now = int((path / "energy_uj").read_text())
            except (OSError, ValueError):
                return None
            total += (now - last[at]) % (limits[at] + 1)
            last[at] = now
        return total / 1e6

    return Counter(read)


def _codecarbon() -> Counter | None:
    """What codecarbon estimates, without asking any network."""
    os.environ["CODECARBON_TELEMETRY_LEVEL"] = "disabled"  # else it would tell its makers that it runs
    try:
        carbon: Any = importlib.import_module("codecarbon")  # ships no types
    except ImportError:
        return None
    tracker = carbon.OfflineEmissionsTracker(  # the country matters to grams of CO2 alone, which nobody asks here
        country_iso_code="USA", save_to_file=False, log_level="critical", allow_multiple_runs=True
    )
    tracker.start()

    def read() -> float | None:
        tracker.flush()
        total = getattr(tracker, "_total_energy", None)  # what it says aloud, it says only at the end
        return None if total is None else float(total.kWh) * 3.6e6

    return Counter(read, tracker.stop)
