"""Against nginx, which computes nothing: the share of its rate, and latency at half load."""

from sections import Section, middle, p50, p99, rate, ratio_of
import servers

CONNECTIONS = 64


class Stand:
    """Both servers, up and right, and who asks which of them what."""

    def __init__(self, bench):
        self.bench, self.open = bench, []
        self.contenders = {}      # label: (server, files)

    def __enter__(self):
        try:
            tandem = self.run(self.bench.tandem(), self.bench.files("oip_raw", "constant"))
            for form, body in (("oip_raw", "400 bytes"), ("oip_json", "JSON")):
                for model in ("constant", "big"):
                    if model in self.bench.models:
                        self.add(tandem, form, body, model)
        except BaseException:
            self.__exit__()
            raise
        return self

    def add(self, tandem, form, body, model):
        files = self.bench.files(form, model)
        size = self.bench.checked(tandem, files, model)
        if model == "constant":
            bare = self.bench.files(form, model)       # nginx's answer is its own
            self.contenders[f"nginx, {body}"] = (self.run(servers.nginx(size), bare), bare)
        name = "constant model" if model == "constant" else "500 trees"
        self.contenders[f"tandem, {name}, {body}"] = (tandem, files)

    def run(self, server, files):
        self.open.append(server)
        return server.start(files.requests[0])

    def __exit__(self, *_):
        for server in self.open:
            server.stop()

    def rounds(self, names=None, **options):
        """{label: [result of each round]}, the contenders in turn."""
        results = {name: [] for name in names or self.contenders}
        for _ in range(self.bench.rounds):
            for name in results:
                results[name].append(self.bench.measured(*self.contenders[name], **options))
        return results


def share(bench):
    """Requests/s of a closed loop, as a share of nginx's with the same bodies."""
    section = Section("The share of nginx's rate")
    with Stand(bench) as stand:
        results = stand.rounds(connections=CONNECTIONS, seconds=bench.seconds(2))
        sizes = {name: len(files.requests[0]) for name, (_, files) in stand.contenders.items()}
    section.say(f"Closed loop, {CONNECTIONS} connections, {bench.rounds} rounds. nginx reads the same request, throws "
                "the body away and returns a fixed answer as long as ours.")
    rows = []
    for name, runs in results.items():
        floor = "nginx, " + name.rsplit(", ", 1)[1]
        rows.append((name, sizes[name], f"{middle(runs, rate):,.0f}", f"{ratio_of(results, name, floor, rate):.1%}",
                     f"{middle(runs, busy):.0%}", f"{middle(runs, lambda r: r['cpu_us']):.2f}",
                     f"{middle(runs, p50):,.0f}", f"{middle(runs, p99):,.0f}"))
    section.table(["server", "request bytes", "requests/s", "of nginx's", "busy", "CPU us a request", "p50 us",
                   "p99 us"], rows)
    section.say("Busy is the server's share of its core: well below 100% the generator is the limit, or other work on "
                "the machine.")
    for body, wanted in (("400 bytes", 0.85), ("JSON", 0.70)):
        got = ratio_of(results, f"tandem, constant model, {body}", f"nginx, {body}", rate)
        section.target(f"requests/s, constant model, {body}, of nginx's", f"{got:.1%}", f"at least {wanted:.0%}",
                       got >= wanted)
    section.data = {name: [rate(r) for r in runs] for name, runs in results.items()}
    return section


def busy(result):
    return result["cpu_s"] / result["seconds"]


def half(bench):
    """p50 and p99 in an open loop at half of what ours can, nginx at the same rate."""
    section = Section("Latency at half load, against nginx's")
    section.say("Open loop, Poisson arrivals, timed from the intended send. Both get half the rate that ours takes in "
                "a closed loop.")
    rows, judged = [], []
    with Stand(bench) as stand:
        for name in [n for n in stand.contenders if n.startswith("tandem")]:
            floor = "nginx, " + name.rsplit(", ", 1)[1]
            closed = bench.measured(*stand.contenders[name], connections=CONNECTIONS, seconds=bench.seconds(2))
            most = closed["rate"]
            results = stand.rounds([floor, name], connections=CONNECTIONS, seconds=bench.seconds(3), rate=most / 2)
            for who in (floor, name):
                runs = results[who]
                ratios = [f"{ratio_of(results, who, floor, p):.2f}" for p in (p50, p99)]
                rows.append((who, f"{most / 2:,.0f}", f"{middle(runs, p50):,.1f}", f"{middle(runs, p99):,.0f}", *ratios))
            if "constant" in name:
                judged.append((results, name, floor))
    section.table(["server", "arrivals/s", "p50 us", "p99 us", "p50 by nginx's", "p99 by nginx's"], rows)
    for results, name, floor in judged:
        judge(section, results, name, floor)
    return section


def judge(section, results, name, floor):
    section.data[name] = {who: [[p50(r), p99(r)] for r in runs] for who, runs in results.items()}
    for label, p in (("p50", p50), ("p99", p99)):
        got = ratio_of(results, name, floor, p)
        section.target(f"{label} at half load by nginx's, {name.split(', ', 1)[1]}", f"{got:.2f}", "within 1.2",
                       got <= 1.2)
