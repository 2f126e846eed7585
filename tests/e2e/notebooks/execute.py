"""Runs a notebook as Jupyter does, in its own folder, and writes down what it computed.

Arguments: file to write, notebook, names of its variables.
Written: `{"variables": {name: value}, "pictures": how many}`.
"""

import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELL_SECONDS = 300
result, notebook, *names = sys.argv[1:]
document = nbformat.read(notebook, as_version=4)
values = ", ".join(f"{name!r}: {name}" for name in names)
document.cells.append(nbformat.v4.new_code_cell(f"import json; print(json.dumps({{{values}}}))"))
NotebookClient(
    document, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(Path(notebook).parent)}}
).execute()
pictures = [
    output for cell in document.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())
]
variables = json.loads(document.cells[-1].outputs[0].text)
Path(result).write_text(json.dumps({"variables": variables, "pictures": len(pictures)}))
