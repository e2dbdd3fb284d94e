"""Runs one program that knows no lifeline, and stops it when the line breaks.

`python -m esp.entrypoints.run.tether LIFELINE SIGNAL USER -- PROGRAM ARGUMENT…`: SIGNAL (INT, TERM)
asks the program to stop; USER is `-`, or `UID:GID` of the user that runs it, or `UID:GID:reach`
where that user may enter all folders. It imports next to nothing, because every start waits for it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

from esp import lifeline

GRACE_SECONDS = 4.0

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2


def main(arguments: list[str]) -> int:
    """Exit status of the program, or 128 + signal."""
    line, stop, user, _, *command = arguments
    reader = lifeline.grasp(line)
    stop_signal = signal.Signals["SIG" + stop]
    wake, wake_writer = os.pipe()
    for end in (wake, wake_writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become_program(command, user, stop_signal)
    return _accompany(child, stop_signal, reader, wake)


def _accompany(child: int, stop_signal: signal.Signals, reader: int, wake: int) -> int:
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(wake, select.POLLIN)
    kill_at: float | None = None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if kill_at is None and (_told_to_stop(wake) or lifeline.broken(reader)):
            poll.unregister(reader)
            kill_at = time.monotonic() + GRACE_SECONDS
            os.kill(child, stop_signal)
        elif kill_at is not None and time.monotonic() > kill_at:
            os.kill(child, signal.SIGKILL)
        poll.poll(1000 if kill_at is None else 100)


def _told_to_stop(wake: int) -> bool:
    try:
        numbers = os.read(wake, 512)
    except BlockingIOError:
        return False
    return any(number != signal.SIGCHLD for number in numbers)


def _become_program(command: list[str], user: str, stop_signal: signal.Signals) -> None:
    parent = os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    try:
        if user != "-":
            _become_user(*user.split(":"))
        if sys.platform == "linux":
            # Elsewhere a tether that is killed itself leaves its program behind.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        os.execv(command[0], command)  # noqa: S606 - it is told what to start
    except OSError as error:
        sys.stderr.write(f"{command[0]} can't be started: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(127)


def _become_user(uid: str, gid: str, reach: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if reach:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    if reach:
        _keep_one_of(libc, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)


def _keep_one_of(libc: ctypes.CDLL, *capabilities: int) -> None:
    """Keep the first capability that this process has, over the start of the program too."""
    for capability in capabilities:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        bit = 1 << capability
        data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        if libc.capset(header, data) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
