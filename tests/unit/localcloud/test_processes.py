import os
import subprocess
import sys

from localcloud import processes


def test_a_process_keeps_its_start_time_and_loses_it_with_its_end():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = processes.start_time(process.pid)
    assert started == processes.start_time(process.pid)
    process.communicate(b"\n")
    assert processes.start_time(process.pid) is None


def test_an_ended_child_that_nobody_waited_for_has_no_start_time():
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()  # to the end: the process has ended, or is about to
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert processes.start_time(process.pid) is None
    process.communicate()
