"""Reads every file of a data set, says what is wrong with it, and sets bad files apart. `docs/data-checks.md`.

    __main__ -> program    arguments -> report.json, S3 manifests of the good files, copies of the bad ones, a message
      channels             which rules are whose; what can be said of a channel's files only together
        formats            one function a format: file -> findings, number of rows
          streams          bytes, unpacked and counted, and lines of text
          columns, classes, arrays    rules that several formats share

Python's standard library alone, back to Python 3.9: it has to run in whatever image a workload trains in. Files are
strangers' work: they are read as streams under caps, nothing is unpickled, no length of theirs is believed unread.
"""
