#!/usr/bin/env bash
# Three ingesters in a group, each with its store, while all goes wrong: kill -9 of an ingester and of the broker, one that stands still for
# longer than the group waits, leaving and joining, a full disk, messages sent again. In the end each record is there exactly once over
# the three stores, and every alert's closure is that of the same logs read as files. BTR_SEED repeats the faults; BTR_LONG=1 takes whole
# recordings (those in BTR_SHARED_DIR, too) and 20 minutes; BTR_CHAOS_S another number of seconds.
exec python3 "$BTR_SOURCE_DIR/tests/kafka/chaos_test.py"
