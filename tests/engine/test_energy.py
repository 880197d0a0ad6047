import shutil
import sys
from types import SimpleNamespace

import pytest
import torch

from collab.engine import energy
from collab.engine.energy import Meter

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setitem(sys.modules, "codecarbon", None)


def test_where_nothing_can_tell_nothing_is_told():
    meter = Meter(CPU)
    assert (meter.joules(), meter.by) == (None, "")


def test_the_processors_counter_goes_on_where_it_begins_anew(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "max_energy_range_uj").write_text("9999999\n")
    (package / "energy_uj").write_text("9000000\n")
    (package / "name").write_text("package-0\n")
    for zone, name in ("intel-rapl:1", "psys"), ("intel-rapl:0:0", "core"):  # they count the same once more
        shutil.copytree(package, tmp_path / zone)
        (tmp_path / zone / "name").write_text(name)
    meter = Meter(CPU)
    (package / "energy_uj").write_text("1000000\n")
    assert (meter.joules(), meter.by) == (2.0, "the processor's own counter")


def test_codecarbon_estimates_without_telling_anybody(monkeypatch):
    asked, stopped = {}, []
    tracker = SimpleNamespace(
        start=lambda: None, flush=lambda: None, stop=lambda: stopped.append(1),
        _total_energy=SimpleNamespace(kWh=0.0),
    )  # fmt: skip
    made = SimpleNamespace(OfflineEmissionsTracker=lambda **more: asked.update(more) or tracker)
    monkeypatch.setitem(sys.modules, "codecarbon", made)
    meter = Meter(CPU)
    tracker._total_energy = SimpleNamespace(kWh=0.001)
    assert (meter.joules(), meter.by) == (pytest.approx(3600), "an estimate of codecarbon")
    meter.close()
    assert (asked["save_to_file"], stopped) == (False, [1])
    assert energy.os.environ["CODECARBON_TELEMETRY_LEVEL"] == "disabled"


def test_a_devices_own_counter_is_asked_first(monkeypatch):
    counts = iter([5000, 5000, 8000])
    nvml = SimpleNamespace(
        nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=lambda _: next(counts),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1-2"))
    meter = Meter(torch.device("cuda", 0))
    assert (meter.joules(), meter.by) == (3.0, "the device's own counter")
