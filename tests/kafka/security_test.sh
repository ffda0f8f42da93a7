#!/usr/bin/env bash
# Passwords (PLAIN; SCRAM on the older broker) and certificates of both sides: the right ones read, wrong ones read nothing.
exec python3 "$BTR_SOURCE_DIR/tests/kafka/security_test.py"
