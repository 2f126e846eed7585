"""The command people type: the same verbs against the embedded cloud and AWS.

`main` holds the commands and nothing else. What they do is one module a subject; all of it talks AWS APIs only, but for
`embedded`, which starts and stops the embedded cloud as a process, and `target`, which says where the APIs are.
"""
