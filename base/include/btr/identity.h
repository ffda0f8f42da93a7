#ifndef BTR_IDENTITY_H
#define BTR_IDENTITY_H
/**
 * Canonical keys: one place where every decoder makes entity ids, so that two sources that see the same
 * thing compute the same id. Each function hashes its parts by btr_id_of with a leading tag
 * (docs/EVENTS.md, "Identity"). Hosts are canonical names (btr_host_canonical).
 */
#include <btr/id.h>

/** A process by the agent's own id, letters folded to lower case, braces left out. */
struct btr_id btr_identity_process_native(struct btr_span host, struct btr_span native);
/** A process by pid and the order time of its start (or of the first sight of it). */
struct btr_id btr_identity_process(struct btr_span host, uint64_t pid, int64_t start_ns);
/** A file. `root` is empty for the host's own view. A Windows path (drive letter, or beginning "\\") is case-folded
 *  (ASCII and Latin-1 by simple folding), forward slashes count as backslashes there. */
struct btr_id btr_identity_file(struct btr_span host, struct btr_span root, struct btr_span path);
/**
 * A flow by its two endpoints, in either order. Addresses as text; IPv4-mapped IPv6 counts as IPv4.
 * Loopback addresses carry `host`; others carry `zone` (empty: the whole inventory).
 */
struct btr_id btr_identity_flow(struct btr_span transport, struct btr_span ip_a, uint32_t port_a, struct btr_span ip_b,
                                uint32_t port_b, struct btr_span host, struct btr_span zone);
/** Where the two halves of a connection meet: transport, server address and port, client address. */
struct btr_id btr_identity_rendezvous(struct btr_span transport, struct btr_span server_ip, uint32_t server_port,
                                      struct btr_span client_ip, struct btr_span host, struct btr_span zone);
/** The same for a unix socket: the server's path (or "@name") on a host. */
struct btr_id btr_identity_rendezvous_unix(struct btr_span host, struct btr_span root, struct btr_span path);
/** Anything that a host numbers or names: pipes, half flows, sessions, services. `tag` keeps kinds apart. */
struct btr_id btr_identity_named(const char *tag, struct btr_span host, struct btr_span name);
struct btr_id btr_identity_numbered(const char *tag, struct btr_span host, uint64_t a, uint64_t b);

/** Whether an address is loopback (127.0.0.0/8, ::1), and whether it is none (0.0.0.0, ::, empty). */
bool btr_address_is_loopback(struct btr_span ip);
bool btr_address_is_any(struct btr_span ip);

#endif
