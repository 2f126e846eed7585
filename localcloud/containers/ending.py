"""Leaves out of an interpreter's end the taking apart of packages that were imported before the fork (standard library
only).

At its end the interpreter clears all modules, the last imported one first, so that finalizers run and files are
written. For the packages of a preloaded process that gives back memory, which the system takes back anyway, and takes
longer than all else. So they are kept from it, unless one of them still holds something that the program left to its
end: then they are cleared as ever, after the program's own modules.
"""

import atexit
import ctypes
import gc
import io
import sys
import types
import weakref

# By names of our own: those modules may be cleared when these are needed.
_get_objects, _is_finalized, _unfreeze, _collect = gc.get_objects, gc.is_finalized, gc.unfreeze, gc.collect
_FILES = io.IOBase
_GENERATORS = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)


class Ending:
    """Made before the packages are imported: what is registered first for the exit runs last."""

    def __init__(self):
        self._armed = False
        self._own = set(sys.modules)  # every interpreter has these
        atexit.register(self._begin)

    def prepare(self):
        """Before the fork, when the packages are imported. What they would take apart at exit stays."""
        modules = [item for item in sys.modules.items() if isinstance(item[1], types.ModuleType)]
        self._kept = {name: module for name, module in modules if name not in self._own}
        self._early = sys.modules["site"]
        for finalizer in list(weakref.finalize._registry):
            finalizer.atexit = False

    def arm(self):
        """After the fork, in the process that becomes a program."""
        self._armed = True

    def _begin(self):
        if not self._armed or sys._getframe().f_back is not None:  # or somebody runs by himself what is registered
            return
        for kept in (self._kept, self._early):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        for name, module in self._kept.items():
            if sys.modules.get(name) is module:
                sys.modules[name] = None  # as the interpreter does next, which clears the others afterwards
        # Cleared, and with it this, when the modules of the program are.
        self._early.__dict__["_last"] = _Last(list(self._kept.values()))


class _Last:
    """Its end is the moment when nothing of the program is left but what packages hold."""

    def __init__(self, kept):
        self._kept = kept

    def __del__(self):
        if [found for found in _get_objects() if found is not self and _is_left_to_the_end(found)]:
            for module in reversed(self._kept):
                _clear(module.__dict__)
            _unfreeze()
            _collect()  # what refers to itself, as classes do


def _is_left_to_the_end(found):
    if isinstance(found, _FILES):
        return not found.closed
    return isinstance(found, _GENERATORS) or (hasattr(type(found), "__del__") and not _is_finalized(found))


def _clear(names):
    """As CPython clears a module: first what begins with one underscore."""
    for private in (True, False):
        for name in list(names):
            if name != "__builtins__" and (name[:1] == "_" and name[1:2] != "_") is private:
                names[name] = None
