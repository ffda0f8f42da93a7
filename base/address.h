#ifndef BTR_BASE_ADDRESS_H
#define BTR_BASE_ADDRESS_H
/** IP addresses as bytes: one address has one form, however it was written. */
#include <btr/span.h>

struct base_address {
    uint8_t bytes[16];
    uint8_t size; /* 4 or 16; IPv4-mapped IPv6 is 4 */
};

/** @return false when the text is no address */
bool base_address_parse(struct btr_span text, struct base_address *out);

#endif
