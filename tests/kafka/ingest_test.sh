#!/usr/bin/env bash
# Topics of a real broker into stores: the same events as from files, through crashes of the ingester and of the broker, in all forms that
# messages come in, and what a broker loses is told. BTR_SEED repeats a run; BTR_ONLY=NAME takes the tests with that in their name.
exec python3 "$BTR_SOURCE_DIR/tests/kafka/ingest_test.py"
