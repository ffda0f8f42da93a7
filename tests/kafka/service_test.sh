#!/usr/bin/env bash
# The daemon on a real broker, over TLS with a password: it is ready, reads, survives the broker, and leaves the group.
export PYTHONPATH=$PYTHONPATH:$BTR_SOURCE_DIR/tests/lib
for python in python3 /usr/bin/python3; do
    "$python" -c 'import prometheus_client' 2>/dev/null && exec "$python" "$BTR_SOURCE_DIR/tests/kafka/service_test.py" "$@"
done
echo "skip: python3-prometheus-client is not installed"
exit 77
