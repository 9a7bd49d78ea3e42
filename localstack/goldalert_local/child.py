"""Becomes a program that ends with its parent: child.py PARENT SIGNAL [--unprivileged] COMMAND...

It is run as a script of its own (never imported), because what it does between fork and exec is
not safe in a process that has threads.
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
NOBODY = 65534


def drop_root() -> None:
    """Appear as nobody to oneself, so that PostgreSQL starts, while files stay root's outside."""
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} 0 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} 0 1")


def die_with(parent: int, signal: int) -> None:
    """Linux only; elsewhere the next start of the stack ends what was left."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:  # it died before the request was in force
        sys.exit("the parent has ended")


def main() -> None:
    parent, signal, *command = sys.argv[1:]
    if command[0] == "--unprivileged":
        command = command[1:]
        if sys.platform == "linux" and os.geteuid() == 0:
            drop_root()
    # last, because a change of credentials clears it
    die_with(int(parent), int(signal))
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


main()
