"""Starts the emulators and stays until stdin closes.

    python emulators.py [--log DIRECTORY]

prints one line, {"moto": url, "ministack": url}, once both answer. The
children hang on pipes from this process, so that they end with it however it
ends; nothing outlives whoever holds its stdin.
"""

import contextlib
import json
import os
import pathlib
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ACCOUNT = "123456789012"
PATIENCE = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(scratch):
    """No way from an emulator to a real account, a proxy or a container daemon."""
    drop = ("AWS_", "MOTO_", "MINISTACK_", "LOCALSTACK_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop) and not k.lower().endswith("_proxy")}
    env.update(
        TMPDIR=scratch,
        HOME=scratch,
        PYTHONUNBUFFERED="1",
        PYTHONDONTWRITEBYTECODE="1",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_EC2_METADATA_DISABLED="true",
        DOCKER_HOST=f"unix://{scratch}/none.sock",
        MOTO_IAM_LOAD_MANAGED_POLICIES="true",
    )
    return env


def spawn(args, env, log, name):
    sink = open(log / f"{name}.log", "wb") if log else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if name == "moto" else sink,
        stderr=sink,
        env=env,
        # A Ctrl-C at the terminal is the parent's business.
        start_new_session=True,
    )


def start_moto(env, log):
    child = spawn([str(HERE / "moto_patched.py")], env, log, "moto")
    return child


def start_ministack(env, log):
    port = free_port()
    env = dict(
        env,
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        LOG_LEVEL="WARNING",
        SERVICES="monitoring",
        SFTP_ENABLED="0",
    )
    return spawn([str(HERE / "emulators.py"), "--ministack"], env, log, "ministack"), f"http://127.0.0.1:{port}"


def wait_for(child, url, path):
    deadline = time.monotonic() + PATIENCE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise SystemExit(f"an emulator ended with {child.returncode} before it answered ({url})")
        with contextlib.suppress(OSError):
            opener.open(url + path, timeout=2).read()
            return
        time.sleep(0.05)
    raise SystemExit(f"no answer from {url} within {PATIENCE:.0f} s")


def stop(children):
    for child in children:
        with contextlib.suppress(OSError):
            child.stdin.close()
    for child in children:
        try:
            child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def run_ministack():
    """The child's side: ministack in this process, ending with our parent."""

    def follow_parent():
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=follow_parent, daemon=True).start()
    sys.argv = ["ministack"]
    runpy.run_module("ministack", run_name="__main__")


def main():
    log = None
    if "--log" in sys.argv:
        log = pathlib.Path(sys.argv[sys.argv.index("--log") + 1])
        log.mkdir(parents=True, exist_ok=True)
    children = []

    def on_signal(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    with tempfile.TemporaryDirectory(prefix="emulators-") as scratch:
        try:
            env = clean_environment(scratch)
            moto = start_moto(env, log)
            children.append(moto)
            ministack, ministack_url = start_ministack(env, log)
            children.append(ministack)
            line = moto.stdout.readline()
            if not line:
                raise SystemExit("moto did not start; run tests/python/moto_patched.py to see why")
            moto_url = json.loads(line)["moto"]
            wait_for(moto, moto_url, "/moto-api/data.json")
            wait_for(ministack, ministack_url, "/_ministack/health")
            print(json.dumps({"moto": moto_url, "ministack": ministack_url}), flush=True)

            closed = threading.Event()

            def watch():
                while os.read(0, 4096):
                    pass
                closed.set()

            threading.Thread(target=watch, daemon=True).start()
            while not closed.wait(0.2):
                for child in children:
                    if child.poll() is not None:
                        raise SystemExit(f"an emulator ended with {child.returncode}")
        finally:
            stop(children)


if __name__ == "__main__":
    if "--ministack" in sys.argv:
        run_ministack()
    else:
        main()
