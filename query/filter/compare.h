#ifndef QUERY_COMPARE_H
#define QUERY_COMPARE_H
/** How two values of the filter language compare. Values are bytes that an agent chose. */
#include <btr/span.h>

/** ASCII letters only; for Windows paths, host names and agents' process ids. */
bool query_equal_folded(struct btr_span a, struct btr_span b);
int query_compare_folded(struct btr_span a, struct btr_span b);

/** A decimal number: digits, optionally a sign before and a fraction after. */
bool query_is_number(struct btr_span s);
/** Compares two of those exactly, however long. @return <0, 0, >0 */
int query_compare_numbers(struct btr_span a, struct btr_span b);

/** An address range. */
struct query_cidr {
    uint8_t address[16];
    uint8_t bits;  /* of the prefix */
    uint8_t bytes; /* 4 or 16 */
};
/** "10.0.0.0/8", "fe80::/10", or an address alone. @return false when it is neither */
bool query_cidr_parse(struct query_cidr *out, struct btr_span text);
/** IPv4-mapped IPv6 counts as IPv4. False for what is no address. */
bool query_cidr_holds(const struct query_cidr *cidr, struct btr_span address);

#endif
