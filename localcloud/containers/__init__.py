"""One container: a process tree that sees `/opt/ml` and its image's files as its own, and dies with its owner.

    spec.py       what to run: image, argument list, environment, folder
    container.py  the owner's side: start, read lines, stop, kill, wait
    isolation.py  which kind of separation this machine allows, found once
    network.py    a network of a job's own
    launcher.py   the small program between the owner and the user's process (standard library only)
    preloading.py which environments keep a process that has imported their slow packages
    remembered.py which those were, for the next time
    forking.py    the owner's side of such a process
    preloaded.py  the process itself, of which launchers are forked
    takeover.py   becoming a script without `exec`, inside a forked launcher
    ending.py     what such a script's interpreter need not take apart at its end
    understudy.py the same for the script that a container's program starts
    namespaces.py entering and holding namespaces, inside the launcher and the holder of a network
    mounts.py     the private mount tree, built inside the launcher
    reaper.py     waiting, forwarding signals, and dying with the owner, inside the launcher
    cleanup.py    removing its folder
    lines.py      cutting its output into log lines
    shipping.py   carrying lines and measurements away in batches
    log_stream.py one CloudWatch log stream
    syscalls.py   prctl, unshare, mount, pivot_root by ctypes

The launcher's modules import nothing of this package but each other: their start-up time is paid by every container.
"""
