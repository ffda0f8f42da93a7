"""kill -9 of a command, for the tests that try it at random moments."""
import signal
import subprocess
import sys


def killed(words, after_s, seed):
    """Whether the command was killed, and not at its end before. A command that fails by itself ends the test."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        try:
            _, err = child.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate()
            return True
        if child.returncode != 0:
            sys.exit(f"after a kill the command fails: status {child.returncode}\n{err.decode(errors='replace')}; seed {seed}")
        return False
