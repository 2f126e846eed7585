"""Makes the state of services that live in memory durable: whole generations, and a journal of changes behind each.

The state is one tree of JSON. What its parts mean is known to the ``Recorder`` alone, which tells the changes.
"""

from localcloud.journal.files import Damaged, Folder
from localcloud.journal.journal import Journal, Recorder

__all__ = ["Damaged", "Folder", "Journal", "Recorder"]
