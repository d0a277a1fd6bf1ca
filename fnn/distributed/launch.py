"""``python -m fnn.distributed.launch -n 4 train.py ARGS...``: several processes of one job on this machine.

Each gets the variables that `fnn.distributed.init` reads.  What they print comes out line by line behind the number of
the process.  When one fails the others are ended, and its status is the launcher's; signals are passed on.  Options of
the interpreter are those of the processes: ``python -W error -X dev -m fnn.distributed.launch -n 2 train.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO

__all__ = ["main"]

_TAKE_A_VALUE = ("-n", "--processes", "--devices-per-process", "--port")
PATIENCE = 30.0  # seconds that the processes have after a signal, to save what they do
PASSED = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is sent where the terminal is closed
GRACE = 10.0  # seconds between asking a process to end and ending it


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m fnn.distributed.launch", description=__doc__)
    add = parser.add_argument
    add("-n", "--processes", type=int, default=1, metavar="N", help="how many processes (default: 1)")
    add(
        "--devices-per-process",
        type=int,
        metavar="M",
        help="devices of each: simulated ones on a CPU, else accelerators of this machine",
    )
    add("--port", type=int, help="port of process 0 (default: a free one)")
    add("-m", dest="module", action="store_true", help="what follows is a module, not a script")
    add("script", help="the script or module")
    add("arguments", nargs=argparse.REMAINDER, help="its arguments")
    return parser


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def _accelerated(environment: Mapping[str, str]) -> bool:
    """Whether JAX will use an accelerator, as far as can be told without starting it."""
    platforms = environment.get("JAX_PLATFORMS", "")
    return platforms != "cpu" and bool(platforms or shutil.which("nvidia-smi") or os.path.exists("/dev/accel0"))


def _environment(rank: int, count: int, port: int, devices: int | None) -> dict[str, str]:
    environment = dict(os.environ)
    environment |= {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(count),
        "PYTHONUNBUFFERED": "1",
    }
    environment.pop("TORCHELASTIC_USE_AGENT_STORE", None)
    if devices is not None:
        if _accelerated(environment):
            environment["FNN_LOCAL_DEVICES"] = ",".join(map(str, range(rank * devices, (rank + 1) * devices)))
        else:
            flags = environment.get("XLA_FLAGS", "").split()
            environment["XLA_FLAGS"] = " ".join(f for f in flags if "host_platform_device_count" not in f)
            environment["JAX_NUM_CPU_DEVICES"] = str(devices)
    return environment


def _copy(rank: int, source: BinaryIO, target: BinaryIO, lock: threading.Lock) -> None:
    for line in source:  # to its end, even when nobody reads on: the process would wait for it
        with lock, contextlib.suppress(OSError):
            target.write(f"[{rank}] ".encode() + line.rstrip(b"\n") + b"\n")
            target.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; None is ``sys.argv``.

    Returns:
        0, or the status of the first process that failed.
    """
    given_arguments = list(sys.argv[1:] if arguments is None else arguments)
    for n, text in enumerate(given_arguments):
        if text == "--":  # launch -n 2 -- -m module
            del given_arguments[n]
        if text == "--" or not (text.startswith("-") or (n and given_arguments[n - 1] in _TAKE_A_VALUE)):
            break
    parser = _parser()
    given = parser.parse_args(given_arguments)
    for name, value in (("-n", given.processes), ("--devices-per-process", given.devices_per_process)):
        if value is not None and value < 1:
            parser.error(f"{name} must be positive, got {value}")
    # What multiprocessing starts its processes with.
    options: list[str] = getattr(subprocess, "_args_from_interpreter_flags", list)()
    command = [sys.executable, *options, *(["-m"] if given.module else []), given.script, *given.arguments]
    port = given.port or _free_port()
    return _run(command, given.processes, port, given.devices_per_process)


def _run(command: list[str], count: int, port: int, devices: int | None) -> int:
    processes: list[subprocess.Popen[bytes]] = []
    threads: list[threading.Thread] = []
    locks = threading.Lock(), threading.Lock()
    received: list[int] = []
    asked: list[float] = []

    def pass_on(number: int, frame: object) -> None:
        received.append(number)
        asked.append(time.monotonic())
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    numbers = [getattr(signal, name) for name in PASSED if hasattr(signal, name)]
    # What is ignored stays so, as under nohup.
    before = {n: signal.signal(n, pass_on) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    try:
        for rank in range(count):
            process = subprocess.Popen(
                command,
                env=_environment(rank, count, port, devices),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C comes once, by way of this process
            )
            processes.append(process)
            for source, target, lock in zip(
                (process.stdout, process.stderr), (sys.stdout.buffer, sys.stderr.buffer), locks, strict=True
            ):
                assert source is not None
                threads.append(threading.Thread(target=_copy, args=(rank, source, target, lock), daemon=True))
                threads[-1].start()
        status = _wait(processes, asked)
    finally:
        _end(processes)
        for number, handler in before.items():
            signal.signal(number, handler)
    for thread in threads:
        thread.join(GRACE)
    return 128 + received[0] if received and status else status


def _wait(processes: list[subprocess.Popen[bytes]], asked: list[float]) -> int:
    """Until all have ended well, or one has not: its status; or until they do not end though they were asked to."""
    while True:
        if asked and time.monotonic() - asked[0] > PATIENCE:
            print(
                f"launch: the processes have not ended {PATIENCE:g} seconds after a signal", file=sys.stderr, flush=True
            )
            return 1
        states = [process.poll() for process in processes]
        for rank, state in enumerate(states):
            if state:
                what = f"signal {-state}" if state < 0 else f"status {state}"
                print(f"launch: process {rank} ended with {what}; ending the others", file=sys.stderr, flush=True)
                return 128 - state if state < 0 else state
        if all(state == 0 for state in states):
            return 0
        time.sleep(0.05)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ends those that are left: asks first."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    limit = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
