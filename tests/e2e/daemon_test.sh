#!/usr/bin/env bash
# The daemon around a consumer that needs no broker: signals, readiness, HTTP, logs, secrets.
# The page is read by the client library of Debian (python3-prometheus-client), which another python3 in $PATH does not see.
export PYTHONPATH=$BTR_SOURCE_DIR/tests/lib PYTHONDONTWRITEBYTECODE=1
for python in python3 /usr/bin/python3; do
    "$python" -c 'import prometheus_client' 2>/dev/null && exec "$python" "$BTR_SOURCE_DIR/tests/e2e/daemon_test.py" "$@"
done
echo "skip: python3-prometheus-client is not installed"
exit 77
