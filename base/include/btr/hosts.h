#ifndef BTR_HOSTS_H
#define BTR_HOSTS_H
/** The host inventory (hosts.json, see the contract in docs/): which addresses and users a host has. */
#include <btr/err.h>
#include <btr/span.h>

struct btr_hosts;

/**
 * Reads {"web01": {"ip": "10.0.0.1" or [..], "users": {"33": "www-data"}, "serial_space": NAME, "nat": [..]}}.
 * Unknown members are allowed. Host names are folded to lower case.
 * @return 0, BTR_E_FORMAT (text says where), BTR_E_NOMEM
 */
int btr_hosts_parse(struct btr_hosts **out, struct btr_span json, struct btr_err *err);
void btr_hosts_free(struct btr_hosts *hosts);

/* All take NULL for "no inventory". Returned spans live as long as the inventory. */
bool btr_hosts_known(const struct btr_hosts *hosts, struct btr_span host);
/** The i-th address of a host, as text; empty when there is none. */
struct btr_span btr_hosts_address(const struct btr_hosts *hosts, struct btr_span host, uint32_t i);
/** The host that owns an address; empty when none does. */
struct btr_span btr_hosts_owner(const struct btr_hosts *hosts, struct btr_span address);
/** Name of a numeric user id on a host; empty when unknown. */
struct btr_span btr_hosts_user(const struct btr_hosts *hosts, struct btr_span host, struct btr_span uid);
/** Canonical name of the i-th host; empty when there is none. */
struct btr_span btr_hosts_name(const struct btr_hosts *hosts, uint32_t i);
/** Name of the sequence space a host shares with others; empty when it has its own. */
struct btr_span btr_hosts_serial_space(const struct btr_hosts *hosts, struct btr_span host);

/**
 * Canonical host name: lower case; the short name (up to the first dot) unless it is an address, or the
 * inventory tells two hosts apart that share a short name.
 * @param buffer  at least 256 bytes; the result may point into it. Longer names are cut at 255 bytes.
 */
struct btr_span btr_host_canonical(const struct btr_hosts *hosts, struct btr_span name, uint8_t *buffer);

#endif
