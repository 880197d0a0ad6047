"""Names for the arrays that the engine takes and gives, and the one check that all of them pass."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = Ints | npt.NDArray[np.bool_]
"""What items were labeled: class columns, shape (n,); where any number of classes may apply, which of them do, bool of
shape (n, n_classes). A single row of it is never met alone, so its number of axes tells the two apart."""

FEW_COLUMNS = 16
"""Up to so many columns a running maximum is faster than a reduction along each short row."""


def refuse_nan(name: str, values: Floats) -> None:
    """Raise ValueError where an array holds NaN or infinity.

    One sum shows both and needs no second array of the same size; features and probabilities are too small to overflow.
    """
    with np.errstate(invalid="ignore"):
        total = values.sum()
    if not np.isfinite(total):
        raise ValueError(f"{name} hold NaN or infinity; encode or score these items again.")
