"""See security_test.sh."""
import os

import lab

WORK = os.environ["BTR_WORK"]
MESSAGES = [(b"host", str(number).encode()) for number in range(1000)]
REFUSED_S = 5  # librdkafka goes on trying after most of these refusals; what it was told stands in the message


def reads(kafka, client, what):
    found = kafka.read("secured", client)
    assert found == lab.digest(MESSAGES), f"{what}: {found}"
    print(f"read: {what}", flush=True)


def refused(kafka, client, told, what):
    """A client that reads nothing, and is told why."""
    try:
        found = kafka.read("secured", client, deadline_s=REFUSED_S)
    except lab.LabError as error:
        assert told in str(error), f"{what}: not refused so: {error}"
        assert lab.SECRET not in str(error), "the secret is in a message"
        print(f"refused: {what}", flush=True)
        return
    raise AssertionError(f"{what}: read {found}")


def passwords(kafka, mechanism):
    with_password = {"mechanism": mechanism}
    kafka.topic("secured", partitions=3)
    sent = kafka.produce("secured", MESSAGES, client=kafka.client("sasl", **with_password))
    assert sent.acknowledged == lab.digest(MESSAGES), sent
    reads(kafka, kafka.client("sasl", **with_password), mechanism)
    refused(kafka, kafka.client("sasl", **with_password, secret=lab.SECRET + "r"), "uthentication failed", f"{mechanism}, a wrong secret")
    refused(kafka, kafka.client("sasl", **with_password, user="nobody"), "uthentication failed", f"{mechanism}, a user that is unknown")


def certificates(kafka):
    reads(kafka, kafka.client("mutual"), "a certificate of the broker's authority")
    refused(kafka, kafka.client("mutual", certificate="stranger"), "SSL alert", "a certificate of another authority")
    without = {key: value for key, value in kafka.client("mutual").items() if key not in ("ssl.certificate.location", "ssl.key.location")}
    refused(kafka, without, "SSL alert", "no certificate")
    reads(kafka, kafka.client("tls"), "the broker's certificate alone")
    another = kafka.client("tls") | {"ssl.ca.location": kafka.certs["stranger.pem"]}
    refused(kafka, another, "certificate verify failed", "a broker that another authority vouches for")
    refused(kafka, {"bootstrap.servers": kafka.address("tls")}, "SSL listener", "plain text to a listener that wants TLS")


lab.need(lab.LATEST, lab.SCRAM)
with lab.Broker(os.path.join(WORK, "latest"), listeners=("sasl", "tls", "mutual")) as latest:
    passwords(latest, "PLAIN")
    certificates(latest)
with lab.Broker(os.path.join(WORK, "scram"), version=lab.SCRAM, listeners=("sasl",)) as older:
    passwords(older, "SCRAM-SHA-256")
    before = older.read("secured", older.client("sasl", mechanism="SCRAM-SHA-256"))
    older.kill()
    older.start()
    assert older.read("secured", older.client("sasl", mechanism="SCRAM-SHA-256")) == before, "users outlive kill -9"
