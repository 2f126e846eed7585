"""Building an image from a Dockerfile without a container engine.

    parser.py        text -> instructions with their line numbers
    substitution.py  $NAME and ${NAME:-default}
    context.py       the build context: .dockerignore, COPY's sources
    copying.py       COPY
    shell.py         RUN's command line -> simple commands
    run.py           RUN: installing packages, and a few harmless commands
    builder.py       the instructions, one after another

What needs an engine (any other command, several stages, system packages) is refused with file, line and instruction.
Reference: https://docs.docker.com/reference/dockerfile/
"""
