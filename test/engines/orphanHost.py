"""Starts a server the way orphans really come about, prints its pid, and waits.

    orphanHost.py terminal COMMAND…    the foreground job of an interactive bash; a line on stdin closes the terminal
    orphanHost.py subreaper COMMAND…   below a process that takes in what loses its parent; stays until stdin closes
"""

import ctypes
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import termios

PR_SET_CHILD_SUBREAPER = 36


def say(text):
    print(text, flush=True)


def drain(terminal, seconds):
    """What the terminal shows is read, or its programs stop at a full buffer."""
    ready, _, _ = select.select([terminal, sys.stdin], [], [], seconds)
    text = os.read(terminal, 65536).decode(errors="replace") if terminal in ready else ""
    return text, sys.stdin in ready


def drain_for(terminal, seconds):
    if select.select([terminal], [], [], seconds)[0]:
        os.read(terminal, 65536)


def in_terminal(command):
    child, terminal = pty.fork()
    if child == 0:
        os.environ["PS1"] = "$ "
        os.execvp("bash", ["bash", "--norc", "-i"])
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
    job = ["bash", "-c", 'echo "started-$$-"; exec "$@"', "bash", *command]
    os.write(terminal, f"{shlex.join(job)}\n".encode())
    seen, told = "", False
    while True:
        text, is_over = drain(terminal, 1)
        seen += text
        found = re.search(r"started-(\d+)-", seen)
        if found and not told:
            say(found[1])
            told = True
        if is_over:
            break
    # bash takes note of a job that was killed, or it would hang up what is left of it
    for _ in range(20):
        drain_for(terminal, 0.1)
    os.close(terminal)
    os.waitpid(child, 0)
    say("closed")


def below_subreaper(command):
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    # a session of its own, as a launching tool gives to what it starts
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    say(server.pid)
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.2)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        if ready:
            return


{"terminal": in_terminal, "subreaper": below_subreaper}[sys.argv[1]](sys.argv[2:])
