"""Keys and certificates of one test broker and its clients: an authority of its own, and a stranger that another authority vouches for."""
import os
import subprocess

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*words):
    done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.decode(errors='replace')}")


def authority(folder, name):
    openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN=test authority {name}", "-keyout", f"{folder}/{name}.key", "-out",
            f"{folder}/{name}.pem")


def signed(folder, name, by, alternative=None):
    openssl("req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
    extension = f"{folder}/{name}.ext"
    with open(extension, "w", encoding="ascii") as out:
        out.write(f"subjectAltName={alternative}\n" if alternative else "basicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-days", "30", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{by}.pem", "-CAkey", f"{folder}/{by}.key",
            "-CAcreateserial", "-extfile", extension, "-out", f"{folder}/{name}.pem")


def make(folder):
    """Makes them where they are not there yet. Returns their paths by file name: ca.pem, server.both.pem (key and certificate), and
    .pem and .key of client and stranger."""
    paths = {name: os.path.join(folder, name) for name in
             ("ca.pem", "server.both.pem", "client.pem", "client.key", "stranger.pem", "stranger.key")}
    if all(map(os.path.exists, paths.values())):
        return paths
    os.makedirs(folder, mode=0o700, exist_ok=True)
    authority(folder, "ca")
    authority(folder, "other")
    signed(folder, "server", "ca", "DNS:localhost,IP:127.0.0.1")
    signed(folder, "client", "ca")
    signed(folder, "stranger", "other")
    with open(paths["server.both.pem"], "w", encoding="ascii") as out:
        for part in ("server.key", "server.pem"):
            with open(os.path.join(folder, part), encoding="ascii") as source:
                out.write(source.read())
    return paths
