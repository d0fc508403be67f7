"""What runs the capabilities: synthesis of the template, the local stack, simulated agencies, packaging.

Importing it puts the capabilities and the kernel on the path, as Lambda does with /var/task and /opt/python.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

for _folder in (ROOT / "layers/common/python", ROOT / "functions"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
