import subprocess
import sys

import pytest

PAGES_READ = [
    "assurance", "betting", "calibration", "certifying", "evaluation", "forecasting", "influence", "label_sets",
    "stopping",
]  # fmt: skip
NUMPY_ONLY = ["heads", "laplace", "strategies", "diversity", "uncertainty", "zero_shot", "curves", "scaling"]


@pytest.mark.slow
def test_only_encoders_and_training_load_torch():
    imports = "; ".join(f"import collab.engine.{name}" for name in PAGES_READ + NUMPY_ONLY)
    check = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.slow
def test_figures_of_pages_need_no_scikit_learn():
    imports = "; ".join(f"import collab.engine.{name}" for name in PAGES_READ)
    check = f"import sys; {imports}; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
