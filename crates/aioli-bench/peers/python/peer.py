"""asyncio, uvloop, aiohttp and aiofiles: the command line and the output of the Rust programs."""

import argparse
import asyncio
import importlib
import importlib.metadata
import json
import os
import ssl
import subprocess
import sys
import time

HOUR = 3600
SMALL, SMALL_SIZE, LARGE_MIB = 20_000, 4096, 256
# The answer to an upload, and whom to trust, as the helper has them.
UPLOADED = 2
CERTIFICATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/net/tls/certificate.pem")
# name -> (families, modules)
PEERS = {
    "asyncio": (["tasks", "tcp"], []),
    "uvloop": (["tasks", "tcp"], ["uvloop"]),
    "aiohttp": (["http"], ["aiohttp"]),
    "aiohttp-uvloop": (["http"], ["aiohttp", "uvloop"]),
    "aiofiles": (["files"], ["aiofiles"]),
}


def number_in(status, name):
    """The number of a line of /proc/self/status, in bytes."""
    for line in status.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def memory(name="VmRSS:"):
    with open("/proc/self/status", encoding="ascii") as file:
        return number_in(file.read(), name)


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass


def switches():
    total = 0
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/status", encoding="ascii") as file:
            total += number_in(file.read(), "voluntary_ctxt_switches:") // 1024
    return total


def sample():
    return time.perf_counter_ns(), time.process_time_ns(), switches()


def outcome(start, end, ops, **figures):
    keys = ("wall_ns", "cpu_ns", "switches")
    result = {key: after - before for key, before, after in zip(keys, start, end)}
    return {"ops": ops, **result, "figures": figures}


class Meter:
    """Laps of many operations; the first ones are the warm-up."""

    def __init__(self, run):
        self.run, self.began = run, time.perf_counter()
        self.start = self.end = None
        self.now = self.ops = 0

    def lap(self, ops):
        done, self.now = self.now, ops
        if self.start is None:
            warm = self.run.ops or time.perf_counter() - self.began >= self.run.warm_up
            if done and warm:
                self.start = sample()
            return True
        self.ops += done
        if self.run.ops:
            more = self.ops < self.run.ops
        else:
            more = time.perf_counter_ns() - self.start[0] < self.run.seconds * 1e9
        if not more:
            self.end = sample()
        return more

    def finish(self, **figures):
        return outcome(self.start, self.end, self.ops, **figures)


class Tap:
    """Operations that many tasks take one by one."""

    def __init__(self, run):
        self.run, self.began = run, time.perf_counter()
        self.start = self.end = None
        self.taken = self.first = self.last = 0

    def take(self):
        if self.end:
            return None
        n = self.taken
        self.taken += 1
        if self.start is None:
            if self.taken > 2 * self.run.concurrency and time.perf_counter() - self.began >= self.run.warm_up:
                self.start, self.first = sample(), n
        elif time.perf_counter_ns() - self.start[0] >= self.run.seconds * 1e9:
            self.end, self.last = sample(), n
        return n

    def finish(self):
        return outcome(self.start, self.end, self.last - self.first)


def helper(run, role, address):
    command = [run.helper, "--role", role, "--address", address, "--pin", run.helper_pin]
    command += ["--seconds", str(run.seconds), "--warm-up", str(run.warm_up)]
    command += ["--size", str(run.size), "--concurrency", str(run.concurrency)]
    command += ["--watch", str(os.getpid())]
    if run.ops:
        command += ["--ops", str(run.ops)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def nothing(value):
    return value


async def spawn_join(run):
    meter, tasks = Meter(run), 2000
    while meter.lap(tasks):
        started = [asyncio.create_task(nothing(n)) for n in range(tasks)]
        for task in started:
            await task
    return meter.finish()


async def yields(run):
    meter, tasks, times = Meter(run), 1000, 10

    async def many():
        for _ in range(times):
            await asyncio.sleep(0)

    while meter.lap(tasks * times):
        await asyncio.gather(*[many() for _ in range(tasks)])
    return meter.finish()


async def wake(run):
    meter, times, loop = Meter(run), 2000, asyncio.get_running_loop()

    async def take_turns(cells, mine):
        for _ in range(times):
            cells[mine] = loop.create_future()
            other = cells[1 - mine]
            if other and not other.done():
                other.set_result(None)
            await cells[mine]
        other = cells[1 - mine]
        if other and not other.done():
            other.set_result(None)

    while meter.lap(2 * times):
        cells = [None, None]
        await asyncio.gather(take_turns(cells, 0), take_turns(cells, 1))
    return meter.finish()


async def pingpong(run):
    meter, trips = Meter(run), 2000
    while meter.lap(trips):
        ping, pong = asyncio.Queue(1), asyncio.Queue(1)

        async def one():
            for n in range(trips):
                await ping.put(n)
                await pong.get()

        async def other():
            for _ in range(trips):
                await pong.put(await ping.get())

        await asyncio.gather(one(), other())
    return meter.finish()


async def through_queue(run, capacity, producers, items):
    meter = Meter(run)
    while meter.lap(producers * items):
        queue = asyncio.Queue(capacity)

        async def produce():
            for n in range(items):
                await queue.put(n)

        async def consume():
            for _ in range(producers * items):
                await queue.get()

        await asyncio.gather(consume(), *[produce() for _ in range(producers)])
    return meter.finish()


async def mutex(run, hold):
    meter, tasks, turns = Meter(run), 100, 50
    while meter.lap(tasks * turns):
        lock = asyncio.Lock()

        async def many():
            for _ in range(turns):
                async with lock:
                    if hold:
                        await asyncio.sleep(0)

        await asyncio.gather(*[many() for _ in range(tasks)])
    return meter.finish()


async def timeouts(run, future, value):
    meter, times = Meter(run), 2000
    while meter.lap(times):
        for _ in range(times):
            async with asyncio.timeout(HOUR):
                await future(value)
    return meter.finish()


async def sleep_acc(run):
    meter, late = Meter(run), []
    while meter.lap(1):
        began = time.perf_counter_ns()
        await asyncio.sleep(0.001)
        late.append(time.perf_counter_ns() - began - 1_000_000)
    late.sort()
    quantile = lambda q: late[int(len(late) * q)]
    return meter.finish(p50_overshoot_ns=quantile(0.5), p99_overshoot_ns=quantile(0.99))


async def idle(run, on_event):
    count, arrived = run.ops or 1_000_000, 0
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    async def wait():
        nonlocal arrived
        arrived += 1
        await (event.wait() if on_event else loop.create_future())

    before, start = memory(), sample()
    tasks = set()
    for _ in range(count):
        tasks.add(asyncio.create_task(wait()))
    while arrived < count:
        await asyncio.sleep(0)
    end = sample()
    return outcome(start, end, count, bytes_per_task=(memory() - before) / count)


async def timers(run):
    count, fired = run.ops or 1_000_000, 0

    async def one(length):
        nonlocal fired
        await asyncio.sleep(length)
        fired += 1

    reset_peak()
    before, start = memory(), sample()
    tasks = [asyncio.create_task(one((count + i) / 1e6)) for i in range(count)]
    while fired < count:
        await asyncio.sleep(0.01)
    end, peak = sample(), memory("VmHWM:")
    del tasks
    return outcome(start, end, count, peak_rss_per_timer=max(0, peak - before) / count)


class Echo(asyncio.Protocol):
    open = 0
    all_closed = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def connection_lost(self, exc):
        Echo.open -= 1
        if Echo.open == 0:
            Echo.all_closed.set_result(None)


async def tcp(run):
    loop = asyncio.get_running_loop()
    Echo.open, Echo.all_closed = run.concurrency, loop.create_future()
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    client = helper(run, "echo-client", f"127.0.0.1:{port}")
    await Echo.all_closed
    said = json.loads(client.stdout.readline())
    client.wait()
    figures = {key: said[key] for key in ("client_cpu_ns", "p50_ns", "p99_ns")}
    result = {"wall_ns": said["wall_ns"], "cpu_ns": said["server_cpu_ns"]}
    return {"ops": said["ops"], **result, "switches": said["server_switches"], "figures": figures}


async def http(run):
    import aiohttp

    scheme, method = run.workload.split("_")[:2]
    role = "upload-server" if method == "put" else f"{scheme}-server"
    server = helper(run, role, "127.0.0.1:0")
    url = f"{scheme}://127.0.0.1:{server.stdout.readline().strip()}/"
    body, answer = (b"x" * run.size, UPLOADED) if method == "put" else (None, run.size)
    tap = Tap(run)
    trust = ssl.create_default_context(cafile=CERTIFICATE) if scheme == "https" else True
    connector = aiohttp.TCPConnector(limit=0, ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker():
            while tap.take() is not None:
                async with session.request(method.upper(), url, data=body) as response:
                    assert len(await response.read()) == answer

        await asyncio.gather(*[worker() for _ in range(run.concurrency)])
    server.kill()
    return tap.finish()


async def files(run):
    import aiofiles

    tap, small = Tap(run), os.path.join(run.dir, "small")

    async def read_small():
        while (n := tap.take()) is not None:
            async with aiofiles.open(f"{small}/{n % SMALL:05}", "rb") as file:
                assert len(await file.read()) == SMALL_SIZE

    async def write_small(scratch):
        while (n := tap.take()) is not None:
            async with aiofiles.open(f"{scratch}/{n}", "wb") as file:
                await file.write(b"x" * SMALL_SIZE)

    if run.workload.startswith("fs_large"):
        meter = Meter(run)
        while meter.lap(LARGE_MIB):
            async with aiofiles.open(os.path.join(run.dir, "large"), "rb") as file:
                while await file.read(run.size):
                    pass
        return meter.finish()
    if run.workload.startswith("fs_write"):
        scratch = os.path.join(run.dir, f"written-{os.getpid()}")
        os.makedirs(scratch)
        await asyncio.gather(*[write_small(scratch) for _ in range(run.concurrency)])
        return tap.finish()
    await asyncio.gather(*[read_small() for _ in range(run.concurrency)])
    return tap.finish()


TASKS = {
    "spawn_join": spawn_join,
    "yield": yields,
    "wake": wake,
    "pingpong": pingpong,
    "mpsc": lambda run: through_queue(run, 128, 4, 1000),
    "queue": lambda run: through_queue(run, 5, 1, 2000),
    "mutex": lambda run: mutex(run, False),
    "mutex_hold": lambda run: mutex(run, True),
    "timeout_ready": lambda run: timeouts(run, nothing, 0),
    "timeout_yield": lambda run: timeouts(run, asyncio.sleep, 0),
    "sleep_acc": sleep_acc,
    "idle_pending": lambda run: idle(run, False),
    "idle_event": lambda run: idle(run, True),
    "timers_1m": timers,
}


def workload(run):
    families = PEERS[run.peer][0]
    if "tasks" in families and run.workload in TASKS:
        return TASKS[run.workload]
    for family, prefix, function in (("tcp", "tcp_", tcp), ("http", "http", http), ("files", "fs_", files)):
        if family in families and run.workload.startswith(prefix):
            return function
    return None


def listing():
    for name, (families, modules) in PEERS.items():
        packages = [f"CPython {sys.version.split()[0]}"]
        line = {"peer": name, "kind": "local", "cores": 1, "families": families, "scale": 0.1}
        try:
            for module in modules:
                importlib.import_module(module)
                packages.append(f"{module} {importlib.metadata.version(module)}")
        except ImportError as error:
            line["absent"] = str(error)
        print(json.dumps({**line, "versions": packages}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", action="store_true")
    for name in ("peer", "workload", "pin", "helper-pin", "helper", "dir"):
        parser.add_argument(f"--{name}", default="")
    for name, default in (("seconds", 0.5), ("warm-up", 0.1)):
        parser.add_argument(f"--{name}", type=float, default=default)
    for name, default in (("ops", 0), ("size", 64), ("concurrency", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    run = parser.parse_args()
    if run.list:
        return listing()
    if run.pin:
        os.sched_setaffinity(0, {int(cpu) for cpu in run.pin.split(",")})
    head = {"peer": run.peer, "workload": run.workload}
    function = workload(run)
    if function is None:
        return print(json.dumps({**head, "unsupported": True}))
    factory = None
    if "uvloop" in run.peer:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        result = runner.run(function(run))
        result["peak_rss"] = memory("VmHWM:")
        print(json.dumps({**head, **result}), flush=True)
        # What a workload has left running need not be taken down in order.
        os._exit(0)


main()
