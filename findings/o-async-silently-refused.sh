#!/bin/bash
# fcntl(F_SETFL, O_ASYNC) succeeds on an eventfd, an epoll set and a timerfd, sets nothing, and no SIGIO ever comes.
#
# Guess: what epoll can wait for can send SIGIO, too; or the call that asks for it fails with EINVAL.
# Seen with Linux 6.18 and Python 3.11 (Debian 12) as the caller: F_SETFL returns 0 for all of them. F_GETFL shows O_ASYNC afterwards on a pipe and on inotify alone, and those
# two alone send the signal. So a loop that is driven by signals must look at F_GETFL behind F_SETFL, and needs a pipe where others take an eventfd.
# Needs python3. Ends with 0 while that is so.
set -euo pipefail
uname -sr
python3 --version
seen=$(python3 - <<'END'
import ctypes, fcntl, os, select, signal, tempfile

came = []
signal.signal(signal.SIGIO, lambda *_: came.append(1))
libc = ctypes.CDLL(None, use_errno=True)


class Timer(ctypes.Structure):
    _fields_ = [("words", ctypes.c_long * 4)]


def trial(name, fd, make_ready):
    came.clear()
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    is_set = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ASYNC != 0
    make_ready()
    # Ready for poll(2), all of them.
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    ready = bool(poll.poll(5000))
    print(f"{name}: set {'yes' if is_set else 'no'}, ready {'yes' if ready else 'no'}, signals {len(came)}")


r, w = os.pipe()
trial("pipe", r, lambda: os.write(w, b"x"))
with tempfile.TemporaryDirectory() as folder:
    inotify = libc.inotify_init1(0)
    libc.inotify_add_watch(inotify, folder.encode(), 0x100)
    trial("inotify", inotify, lambda: open(f"{folder}/x", "w").close())
event = os.eventfd(0)
trial("eventfd", event, lambda: os.eventfd_write(event, 1))
r2, w2 = os.pipe()
epoll = select.epoll()
epoll.register(r2, select.EPOLLIN)
trial("epoll", epoll.fileno(), lambda: os.write(w2, b"x"))
timer = libc.timerfd_create(1, 0)
trial("timerfd", timer, lambda: libc.timerfd_settime(timer, 0, ctypes.byref(Timer((ctypes.c_long * 4)(0, 0, 0, 1000))), None))
END
)
echo "$seen"
expected="pipe: set yes, ready yes, signals 1
inotify: set yes, ready yes, signals 1
eventfd: set no, ready yes, signals 0
epoll: set no, ready yes, signals 0
timerfd: set no, ready yes, signals 0"
[ "$seen" = "$expected" ] || { echo "it is otherwise now"; exit 1; }
echo "still so: O_ASYNC is dropped without an error where the file has no fasync"
