"""One Apache Kafka node (KRaft, broker and controller in one process) on loopback, for tests.

Its folder holds everything: data, configuration, log, keys. It is a child that does not outlive the test: when the process that started
it ends, however that ends, it is killed. Ports are below the range that the kernel gives to clients, so that a restart finds them free.

As a program:  node.py run FOLDER [VERSION]   runs one until Ctrl-C, and prints where it listens
               node.py archive JARS           lays out the classes of that folder of jars, for faster starts
"""
import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import certs

LATEST = "4.3.1"
SCRAM = "3.9.2"  # Debian's librdkafka 2.0.2 cannot do SCRAM with a broker of version 4
CLUSTER_ID = "YmFja3RyYWlsLXRlc3RzMQ"  # of every test cluster: base64 of 16 bytes
USER, SECRET = "ingester", "correct horse"
START_S, STOP_S = 120, 40
ARCHIVE = "classes.jsa"

# Name of a listener: protocol, and what its clients have to say of themselves.
LISTENERS = {"plain": "PLAINTEXT", "sasl": "SASL_SSL", "tls": "SSL", "mutual": "SSL"}


class BrokerError(Exception):
    """The broker did not do what it was told; the text names its log."""


def jars(version):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "backtrail", f"kafka-{version}")


def missing(version=LATEST):
    """Why no broker of that version can run here, or None."""
    if not shutil.which("java"):
        return "no java here (openjdk-17-jre-headless)"
    if not os.path.isdir(jars(version)):
        return f"no jars of Kafka {version} (./dev kafka fetches them)"
    return None


def need(*versions, programs=("kcat", "openssl", "zstd")):
    """Ends the test as skipped where a broker of one of these versions cannot run; as failed in CI, where nothing may be missing."""
    reasons = [reason for reason in map(missing, versions or (LATEST,)) if reason]
    reasons += [f"no {program} here" for program in programs if not shutil.which(program)]
    if not reasons:
        return
    if os.environ.get("CI"):
        sys.exit(f"{reasons[0]}, and in CI nothing may be missing")
    print(f"skip: {reasons[0]}", flush=True)
    sys.exit(77)


def free_ports(count):
    """So many neighbouring ports that nobody listens on, of the range in BTR_KAFKA_PORTS."""
    first, last = map(int, os.environ.get("BTR_KAFKA_PORTS", "19000-31999").split("-"))
    for _ in range(200):
        begin = random.randint(first, last + 1 - count)
        if all(port_is_free(port) for port in range(begin, begin + count)):
            return list(range(begin, begin + count))
    raise BrokerError(f"no {count} free ports in a row between {first} and {last}")


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Node:
    """
    with Node(folder) as broker: ...

    version    of the jars: LATEST or SCRAM
    listeners  beside "plain": of "sasl" (TLS and a password), "tls" (the server alone has a certificate), "mutual" (clients, too)
    config     more lines of server.properties, as a dict
    heap_mib   of the JVM

    start, stop, kill, pause and resume may be called in any order and from any thread, one at a time; each returns when it is done.
    """

    def __init__(self, folder, version=LATEST, listeners=(), config=None, heap_mib=320, classes=None):
        unknown = set(listeners) - set(LISTENERS)
        if unknown:
            raise BrokerError(f"no listener is called {', '.join(sorted(unknown))}: {', '.join(LISTENERS)}")
        self.folder = os.path.abspath(folder)
        self.version, self.heap_mib, self.config = version, heap_mib, dict(config or {})
        self.jars = classes or jars(version)
        self.log = os.path.join(self.folder, "broker.log")
        self.properties = os.path.join(self.folder, "server.properties")
        names = ["plain", *(name for name in LISTENERS if name in listeners and name != "plain")]
        ports = free_ports(len(names) + 1)
        self.controller_port, self.ports = ports[-1], dict(zip(names, ports))
        self.java = self.keeper = None
        os.makedirs(self.folder, exist_ok=True)
        self.secret_file = os.path.join(self.folder, "secret")  # of USER, for programs that take no secret as an argument
        with open(os.open(self.secret_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(SECRET)
        self.certs = certs.make(os.path.join(self.folder, "certs")) if len(names) > 1 else None

    # ---- What a client needs --------------------------------------------------------------------

    def address(self, listener="plain"):
        """What librdkafka calls bootstrap.servers."""
        return f"127.0.0.1:{self.ports[listener]}"

    def client(self, listener="plain", mechanism="PLAIN", user=USER, secret=SECRET, certificate="client"):
        """Settings of librdkafka for a client of that listener. certificate: "client", or "stranger", of another authority."""
        settings = {"bootstrap.servers": self.address(listener)}
        if listener == "plain":
            return settings
        settings |= {"security.protocol": LISTENERS[listener].lower(), "ssl.ca.location": self.certs["ca.pem"]}
        if listener == "sasl":
            settings |= {"sasl.mechanisms": mechanism, "sasl.username": user, "sasl.password": secret}
        if listener == "mutual":
            settings |= {"ssl.certificate.location": self.certs[f"{certificate}.pem"], "ssl.key.location": self.certs[f"{certificate}.key"]}
        return settings

    # ---- Life -----------------------------------------------------------------------------------

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.complaints(), file=sys.stderr)
        self.kill()

    def start(self):
        """Starts the broker, on the data of its folder where there are some, and returns when it answers requests."""
        if self.running():
            raise BrokerError("the broker runs already")
        for port in [*self.ports.values(), self.controller_port]:
            if not port_is_free(port):
                raise BrokerError(f"port {port} is taken by another process")
        self.configure()
        if not os.path.exists(os.path.join(self.folder, "data", "meta.properties")):
            self.format()
        with open(self.log, "ab") as log:
            self.java = subprocess.Popen([*self.jvm(), "kafka.Kafka", self.properties], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         start_new_session=True)
        # Reads until this process is gone, for whatever reason; the broker is then nobody's.
        self.keeper = subprocess.Popen(["sh", "-c", f"read -r _; kill -KILL {self.java.pid}"], stdin=subprocess.PIPE, start_new_session=True)
        self.await_ready()

    def await_ready(self):
        until = time.monotonic() + START_S
        while not self.answers():
            if self.java.poll() is not None:
                self.gone()
                raise BrokerError(f"the broker ended while it started\n{self.complaints()}")
            if time.monotonic() > until:
                self.kill()
                raise BrokerError(f"the broker did not answer within {START_S} s\n{self.complaints()}")
            time.sleep(0.05)

    def stop(self):
        """Asks the broker to end as an administrator would, and waits for it."""
        if self.running():
            self.resume()
            self.java.terminate()
            try:
                self.java.wait(STOP_S)
            except subprocess.TimeoutExpired as late:
                self.kill()
                raise BrokerError(f"the broker did not stop within {STOP_S} s\n{self.complaints()}") from late
        self.gone()

    def kill(self):
        """kill -9."""
        if self.running():
            self.java.kill()
            self.java.wait(STOP_S)
        self.gone()

    def pause(self):
        """SIGSTOP: connections stay, nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        if not self.running():
            raise BrokerError("the broker does not run")
        self.java.send_signal(number)

    def data_save(self, copy):
        """Copies what the broker has on disk; it must be stopped or killed."""
        shutil.rmtree(copy, ignore_errors=True)
        subprocess.run(["cp", "-a", os.path.join(self.folder, "data"), copy], check=True)  # indexes have holes, which cp keeps

    def data_restore(self, copy):
        """Puts that copy in the place of what it has now: what was acknowledged meanwhile is gone, and its offsets are given again. That is
        what clients see of a replica that was behind and became the leader."""
        shutil.rmtree(os.path.join(self.folder, "data"))
        subprocess.run(["cp", "-a", copy, os.path.join(self.folder, "data")], check=True)

    def running(self):
        return self.java is not None and self.java.poll() is None

    def gone(self):
        if self.keeper:
            self.keeper.kill()
            self.keeper.stdin.close()
            self.keeper.wait()
        self.java = self.keeper = None

    def rss_kib(self):
        with open(f"/proc/{self.java.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def answers(self):
        """An open port is no readiness: asks ApiVersions (key 18, version 0) as correlation 1, and looks for that answer."""
        question = struct.pack(">hhih", 18, 0, 1, -1)
        try:
            with socket.create_connection(("127.0.0.1", self.ports["plain"]), timeout=2) as link:
                link.sendall(struct.pack(">i", len(question)) + question)
                answer = b""
                while len(answer) < 10:
                    part = link.recv(64)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return struct.unpack(">ih", answer[4:10]) == (1, 0)

    def complaints(self, lines=15):
        """The last warnings and errors of its log."""
        if not os.path.exists(self.log):
            return "no log yet"
        with open(self.log, encoding="utf-8", errors="replace") as log:
            told = [line.rstrip() for line in log if any(word in line for word in ("WARN", "ERROR", "FATAL", "Exception"))]
        return "\n".join([f"{self.log}:", *told[-lines:]])

    # ---- Configuration --------------------------------------------------------------------------

    def jvm(self):
        # With the first compiler alone a start is faster, and TLS several times slower.
        compiler = ["-XX:TieredStopAtLevel=1"] if list(self.ports) == ["plain"] else []
        archive = os.path.join(self.jars, ARCHIVE)
        laid_out = [f"-XX:SharedArchiveFile={archive}"] if os.path.exists(archive) else []
        return ["java", f"-Xmx{self.heap_mib}m", "-XX:+UseSerialGC", *compiler, *laid_out, "-Djava.awt.headless=true", "-Dlog4j2.level=INFO",
                f"-Dlog4j.configuration=file:{os.path.dirname(os.path.abspath(__file__))}/log4j.properties",
                "-cp", os.path.join(self.jars, "*")]

    def format(self):
        scram = ["--add-scram", f"SCRAM-SHA-256=[name={USER},password={SECRET}]"] if "sasl" in self.ports else []
        words = [*self.jvm(), "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", self.properties, *scram]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=START_S, check=False)
        if done.returncode != 0:
            raise BrokerError(f"its folder could not be formatted: {(done.stdout + done.stderr).decode(errors='replace')}")

    def configure(self):
        with open(self.properties, "w", encoding="utf-8") as out:
            for key, value in {**self.settings(), **self.config}.items():
                out.write(f"{key}={value}\n")

    def settings(self):
        listeners = {name.upper(): port for name, port in self.ports.items()}
        one_node = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in [*listeners.items(), ("CONTROLLER", self.controller_port)]),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items()),
            "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT", *(f"{name.upper()}:{LISTENERS[name]}" for name in self.ports)]),
            "log.dirs": os.path.join(self.folder, "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": 16 << 20,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
            # A broker that was killed may come back when its last life's session has ended: 9 s by default.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 8 << 20,  # by default more than half of this heap
        }
        for topic in one_node:
            settings |= {f"{topic}.replication.factor": 1, f"{topic}.num.partitions": 4, f"{topic}.min.isr": 1}
        del settings["offsets.topic.min.isr"]
        return settings | self.security()

    def security(self):
        settings = {}
        for name in set(self.ports) - {"plain"}:
            of = f"listener.name.{name}."
            settings |= {f"{of}ssl.keystore.type": "PEM", f"{of}ssl.keystore.location": self.certs["server.both.pem"]}
        if "mutual" in self.ports:
            settings |= {"listener.name.mutual.ssl.client.auth": "required", "listener.name.mutual.ssl.truststore.type": "PEM",
                         "listener.name.mutual.ssl.truststore.location": self.certs["ca.pem"]}
        if "sasl" in self.ports:
            login = "org.apache.kafka.common.security"
            settings |= {
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
                "listener.name.sasl.plain.sasl.jaas.config": f'{login}.plain.PlainLoginModule required user_{USER}="{SECRET}";',
                "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
            }
        return settings


def run(folder, version=LATEST):
    """A broker for trying things by hand, until Ctrl-C."""
    with Node(folder, version, listeners=("sasl", "mutual")) as broker:
        for listener in broker.ports:
            print(listener, " ".join(f"-X {key}={value!r}" for key, value in broker.client(listener).items()), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            broker.java.wait()


def archive(folder):
    """One life of a broker that notes which classes it loaded; what it leaves is used by every later start."""
    with tempfile.TemporaryDirectory() as work:
        broker = Node(work, classes=folder)
        plain = broker.jvm
        broker.configure()
        broker.format()
        broker.jvm = lambda: [plain()[0], f"-XX:ArchiveClassesAtExit={os.path.join(folder, ARCHIVE)}", *plain()[1:]]
        broker.start()
        broker.stop()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("run", "archive"):
        sys.exit(__doc__)
    {"run": run, "archive": archive}[sys.argv[1]](*sys.argv[2:])
