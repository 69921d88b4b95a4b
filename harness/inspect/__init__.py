"""Reads what people already have (bug reports, logs, dumps, pasted lines) and says what it means.

>>> from harness import inspect
>>> inspection = inspect.read("bugreport.zip")
>>> for answer in inspection.answers:
...     print(answer.sentence)
"""

from harness.inspect.errors.explanation import Explanation
from harness.inspect.errors.lines import explain
from harness.inspect.inspection import Inspection, read
from harness.inspect.kinds import Answer, Kind, Place, Question, Section
from harness.inspect.live import inspect_device
from harness.inspect.sources import UnreadableFileError

__all__ = [
    "Answer",
    "Explanation",
    "Inspection",
    "Kind",
    "Place",
    "Question",
    "Section",
    "UnreadableFileError",
    "explain",
    "inspect_device",
    "read",
]
