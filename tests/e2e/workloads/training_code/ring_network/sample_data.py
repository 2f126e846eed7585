"""Points in a square, labelled 1 inside a ring around its middle: `sample_data.py FOLDER`, the same every time."""

import random
import sys
from pathlib import Path

FILES, ROWS = 4, 120

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random.seed(0)
for number in range(FILES):
    points = [(8 * random.random() - 4, 8 * random.random() - 4) for _ in range(ROWS)]  # noqa: S311 - no secret
    rows = [f"{x:.4f},{y:.4f},{int(x * x + y * y < 8)}\n" for x, y in points]
    (folder / f"points-{number}.csv").write_text("".join(rows))
