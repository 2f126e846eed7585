"""Runs a Python program in this very process, as the interpreter would if it started anew (standard library only).

A process that has imported an image's packages (see preloaded.py) becomes the program of a container without `exec`:
with the program's arguments and environment, `__main__`, `sys.path[0]` and traceback. Its end is not played: what the
program raises leaves `run`, and the interpreter ends by it as by any other program's, with all that belongs to it (exit
code, threads, `atexit`, files left open, modules' globals, buffers of C).
"""

import builtins
import contextlib
import ctypes
import importlib
import os
import re
import runpy
import signal
import sys
import time
import types

# OpenMP, BLAS and PyTorch look at these once, when they are imported.
_SETTINGS_OF_PACKAGES = re.compile(rb"\b(?:OMP|GOMP|KMP|MKL|OPENBLAS|NUMEXPR|ATEN|TORCH|PYTORCH)_[A-Z_]+\b")
_MOST_FILES = 200
_INTERPRETERS = ("python", "python3", f"python3.{sys.version_info.minor}")


class Begin(BaseException):
    """Carries the program up to where nothing of ours is on the stack any more. No `Exception`: it is no failure."""

    def __init__(self, argv, environment):
        super().__init__(argv, environment)
        self.argv = argv
        self.environment = environment


def can_run(argv, environment, folder, *, settings_read):
    """Whether `argv`, started in `folder`, is this interpreter with a program, for which nothing is too late: Python's
    settings are those of this process, and where `settings_read`, because packages were imported that read some, it is
    a script that has no words about such.
    """
    program, arguments = _find(argv[0], environment), _arguments(argv)
    path = os.path.join(folder, *arguments[:1])
    if os.path.basename(program) not in _INTERPRETERS or os.path.dirname(program) != os.path.dirname(sys.executable):
        return False
    if _python_settings(environment) != _python_settings(os.environ) or sys.flags.safe_path:
        return False
    if arguments[:1] == ["-m"]:
        return len(arguments) > 1 and not settings_read
    if not os.path.isfile(path):
        return False
    if path.endswith(".py"):
        return not settings_read or _leaves_settings_alone(os.path.dirname(path), environment)
    return path.endswith(".zip")


def is_archive(argv):
    """Whether the program that it can run is a zip file: one that comes as such starts a script of somebody else."""
    return _arguments(argv)[0].endswith(".zip")


def run(argv, environment):
    """Becomes the program. It returns, or raises what the program raised, to a caller that ends by it, too."""
    sys.executable = _find(argv[0], environment)
    os.environ.clear()
    os.environ.update(environment)
    _signals_of_a_new_process()
    _forget_what_is_shared()
    _spare_exit_handlers()
    for name in [name for name in sys.modules if name.partition(".")[0] == "localcloud"]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    sys.orig_argv = list(argv)
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    try:
        _run_main(argv, main)
    except SystemExit:
        raise
    except BaseException as error:
        _leave_out_own_frames(error)
        raise


def close_files():
    """Closes what a new program would not have been given."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _arguments(argv):
    """Without `-u` where streams are unbuffered anyway."""
    return list(argv[2:] if argv[1:2] == ["-u"] and os.environ.get("PYTHONUNBUFFERED") else argv[1:])


def _leaves_settings_alone(folder, environment):
    """Whether no Python file of the script's folder names a variable that the environment does not have already."""
    files = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(".py")]
    if len(files) > _MOST_FILES:
        return False
    for path in files:
        with open(path, "rb") as file:
            named = {name.decode() for name in _SETTINGS_OF_PACKAGES.findall(file.read())}
        if named - environment.keys():
            return False
    return True


def _find(program, environment):
    """As `execvpe` finds it; empty where it does not."""
    folders = [""] if "/" in program else environment.get("PATH", os.defpath).split(os.pathsep)
    return next((path for path in (os.path.join(f, program) for f in folders) if os.access(path, os.X_OK)), "")


def _python_settings(environment):
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


def _run_main(argv, main):
    sys.argv = _arguments(argv)
    path = sys.argv[0]
    if path == "-m":
        module = sys.argv.pop(1)
        sys.path.insert(0, os.getcwd())
        runpy._run_module_as_main(module)
        return
    if path.endswith(".zip"):
        sys.path.insert(0, path)
        runpy._run_module_as_main("__main__", False)
        return
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main.__dict__.update(__file__=path, __loader__=loader, __cached__=None)
    try:
        exec(code, main.__dict__)  # noqa: S102  (the container's own program)
    finally:
        _flush()


def _flush():
    """As CPython does after a file, before it tells the error; a stream that cannot be written is told at the end."""
    for stream in (sys.stderr, sys.stdout):
        with contextlib.suppress(Exception):
            stream.flush()


def _leave_out_own_frames(error):
    """The interpreter tells the error by `sys.excepthook`, which gets what that of a new interpreter gets."""
    hook, trace = sys.excepthook, error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next

    def tell(kind, error, _):
        sys.excepthook, sys.last_traceback = hook, trace
        hook(kind, error.with_traceback(trace), trace)

    sys.excepthook = tell


def _signals_of_a_new_process():
    """`exec` gives back what was handled, and keeps what was ignored; then Python sets its own three."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)


def _spare_exit_handlers():
    """At the very end, after Python's: C's handlers of the program run, and its files are flushed; those handlers that
    packages registered before the fork, which only give back memory that the system takes back, do not.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # glibc; the last registered runs first
        libc.on_exit(libc._exit, None)
        libc.__cxa_atexit(libc.fflush, None, None)


def _forget_what_is_shared():
    """Each process has seeds, keys and a beginning of its own. After a fork `random` takes a seed by itself; torch's
    default is a constant.
    """
    numpy, logging, processes = map(sys.modules.get, ("numpy", "logging", "multiprocessing.process"))
    if numpy is not None:
        numpy.random.seed()
    if logging is not None:
        logging._startTime = time.time_ns() if isinstance(logging._startTime, int) else time.time()
    if processes is not None:
        processes.current_process().authkey = os.urandom(32)
