#ifndef FLEET_SHAPE_H
#define FLEET_SHAPE_H
/**
 * What differs between the clones of a recording: pure functions of the clone's place. A site is one
 * copy of all hosts of a recording, a unit one day of a site. Site 0 on day 0 is the recording itself,
 * unchanged; all else is a function of (site, day), so that the same arguments give the same fleet.
 */
#include <btr/buffer.h>
#include <btr/id.h>

/* The network of the recorded hosts; a site's own is 10.A.B. */
#define FLEET_LAB_NETWORK "10.77.0."

enum {
    FLEET_SITES_MAX = 8192,
    FLEET_DAYS_MAX = 3650,
    FLEET_PID_FIRST = 300,    /* pids below are the system's own and stay */
    FLEET_PID_COUNT = 4194000, /* pids above are moved within this many */
};

struct fleet_place {
    uint32_t site, day;
};

/** A number for what belongs to a site, or to one day of it; 0 for site 0 (on day 0). */
uint64_t fleet_site_salt(uint32_t site);
uint64_t fleet_unit_salt(struct fleet_place place);
/** An id of its own for each salt: a bijection of 128 bits, the identity for salt 0. */
struct btr_id fleet_id_mix(struct btr_id id, uint64_t salt);

/** How much later than its day's recording a site begins: up to two minutes; 0 for site 0. */
int64_t fleet_site_jitter_ns(uint32_t site);
uint64_t fleet_pid(struct fleet_place place, uint64_t pid);
/** Added to a site's inodes. */
uint64_t fleet_inode_shift(uint32_t site);
/** Added to a site's record ids on its first day. */
uint64_t fleet_record_shift(uint32_t site);

/** "web01" -> "web01-s7"; as it was for site 0. */
void fleet_host_name(uint32_t site, struct btr_span host, struct btr_buffer *out);
/** "10.A.B.": the site's network. */
void fleet_network(uint32_t site, char out[16]);
/** Copies text; each address of the recorded network becomes one of the site's. */
void fleet_addresses(uint32_t site, struct btr_span text, struct btr_buffer *out);
/** Whether a path is "/proc/PID" or below it; and the same path with the unit's pid. */
bool fleet_is_proc_path(struct btr_span path);
void fleet_proc_path(struct fleet_place place, struct btr_span path, struct btr_buffer *out);
/** The name of a short-lived file: of its last part, what follows the fourth byte is other letters and digits. */
void fleet_short_lived_path(struct fleet_place place, struct btr_span path, struct btr_buffer *out);

#endif
