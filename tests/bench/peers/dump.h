#ifndef PEERS_DUMP_H
#define PEERS_DUMP_H
/**
 * A store's decoded events as flat files, for other engines and for ours to load (events.py has the same
 * rows). Integers are little-endian; rows are packed, with the members below in this order. Entities,
 * hosts, streams and attributes are numbered by their place in their file; a text is u64 offset and u64
 * size within texts.bin.
 *
 *   events.bin    in the order in which agents would send them: of each stream one second in turn.
 *                 i64 time, first, last; u64 bytes, record id, line; u32 subject, object, stream;
 *                 u8 operation, doubt, flags, 0
 *   entities.bin  u64 high, low half of the id; u32 host (2^32-1: none), first attribute, attributes;
 *                 u8 kind, flags; u16 0
 *   attrs.bin     by entity. i64 since; u64 offset; u32 size, entity, key, 0
 *   hosts.bin     a text each
 *   streams.bin   u32 host, 0; two texts: source, input
 *   pairs.bin     i64 first; u32 client, server: halves of one connection
 */
enum {
    PEERS_EVENT = 64, /* bytes of a row */
    PEERS_ENTITY = 32,
    PEERS_ATTR = 32,
    PEERS_HOST = 16,
    PEERS_STREAM = 40,
    PEERS_PAIR = 16,
};

#endif
