#!/usr/bin/env bash
# A real broker keeps what producers were told it has: through kill -9, a standstill, transactions, and records that retention took.
exec python3 "$BTR_SOURCE_DIR/tests/kafka/broker_test.py"
