/*
 * The inventory. The reader of records flattens nested names with dots, which host names have, too:
 * the document is therefore taken apart into "name": {value} first, and each value is flattened
 * alone.
 */
#include <btr/hosts.h>

#include <btr/arena.h>
#include <btr/id.h>
#include <btr/json.h>

#include "address.h"

enum { HOSTS_MAX = 1 << 20, NAME_SIZE_MAX = 255 };

struct pair {
    struct btr_span key, value;
};

struct host {
    struct btr_span name;              /* canonical */
    struct btr_span full, first_label; /* as given, folded; up to its first dot */
    struct btr_span serial_space;
    struct btr_span *addresses;
    struct pair *users;
    uint32_t address_count, user_count;
};

struct btr_hosts {
    struct btr_arena *arena;
    struct host *items;
    uint32_t count, capacity;
    struct btr_u64map by_name; /* hash of the canonical name -> index */
    struct btr_u64map
        by_address; /* hash of the address bytes -> index; the first host that lists it */
    struct btr_u64map by_label; /* hash of the first label -> hosts that share it */
};

/* ---- Names --------------------------------------------------------------------------------------
 */

static struct btr_span fold_into(uint8_t *buffer, struct btr_span name)
{
    size_t size = name.size < NAME_SIZE_MAX ? name.size : NAME_SIZE_MAX;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = name.at[i];
        buffer[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
    }
    return (struct btr_span){buffer, size};
}

/* The short name; all of it when it is an address or begins with a dot. */
static struct btr_span first_label(struct btr_span name)
{
    struct base_address address;
    const uint8_t *dot = name.size > 0 ? memchr(name.at, '.', name.size) : NULL;
    if (!dot || dot == name.at || base_address_parse(name, &address))
        return name;
    return (struct btr_span){name.at, (size_t)(dot - name.at)};
}

static bool label_is_shared(const struct btr_hosts *hosts, struct btr_span label)
{
    if (!hosts)
        return false;
    uint32_t sharing = btr_u64map_get(&hosts->by_label, btr_hash64(label));
    return sharing != UINT32_MAX && sharing > 1;
}

struct btr_span btr_host_canonical(const struct btr_hosts *hosts, struct btr_span name,
                                   uint8_t *buffer)
{
    struct btr_span full = fold_into(buffer, name);
    if (full.size > 1 && full.at[full.size - 1] == '.')
        full.size--; /* the root of the name system */
    struct btr_span label = first_label(full);
    return label_is_shared(hosts, label) ? full : label;
}

/* ---- Reading ------------------------------------------------------------------------------------
 */

static struct btr_span skip_space(struct btr_span s)
{
    while (s.size > 0 && (s.at[0] == ' ' || s.at[0] == '\t' || s.at[0] == '\n' || s.at[0] == '\r'))
        s = (struct btr_span){s.at + 1, s.size - 1};
    return s;
}

static bool take(struct btr_span *rest, uint8_t byte)
{
    struct btr_span s = skip_space(*rest);
    if (s.size == 0 || s.at[0] != byte)
        return false;
    *rest = (struct btr_span){s.at + 1, s.size - 1};
    return true;
}

/* Size of the string at the front with its quotes, or 0 when it does not end. */
static size_t string_size(struct btr_span s)
{
    for (size_t i = 1; i < s.size; i++) {
        if (s.at[i] == '\\')
            i++;
        else if (s.at[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Takes one string, or one object by its brackets; whether it is well formed is for the JSON reader
 * to say. */
static bool take_raw(struct btr_span *rest, uint8_t first, struct btr_span *raw)
{
    struct btr_span s = skip_space(*rest);
    if (s.size == 0 || s.at[0] != first)
        return false;
    size_t depth = 0, at = 0;
    do {
        size_t step = 1;
        if (s.at[at] == '"')
            step = string_size((struct btr_span){s.at + at, s.size - at});
        else if (s.at[at] == '{' || s.at[at] == '[')
            depth++;
        else if ((s.at[at] == '}' || s.at[at] == ']') && depth > 0)
            depth--;
        if (step == 0)
            return false;
        at += step;
    } while (depth > 0 && at < s.size);
    *raw = (struct btr_span){s.at, at};
    *rest = (struct btr_span){s.at + at, s.size - at};
    return depth == 0;
}

/* Unescapes a raw string by reading the object {raw: 0}. */
static int read_name(struct btr_span *name, struct btr_span raw, struct btr_arena *arena,
                     struct btr_err *err)
{
    struct btr_buffer text = {0};
    btr_buffer_text(&text, "{");
    btr_buffer_span(&text, raw);
    btr_buffer_text(&text, ":0}");
    struct btr_json_member *members = NULL;
    uint32_t count = 0;
    int rc = text.failed
                 ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory")
                 : btr_json_flatten_plain(btr_buffer_view(&text), arena, &members, &count, err);
    btr_buffer_fini(&text);
    if (rc < 0)
        return rc;
    if (count != 1 || members[0].name.size == 0 || members[0].name.size > NAME_SIZE_MAX)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "a host name of %zu bytes",
                        count == 1 ? members[0].name.size : 0);
    *name = members[0].name;
    return 0;
}

static struct host *host_add(struct btr_hosts *hosts)
{
    if (hosts->count == hosts->capacity) {
        uint32_t capacity = hosts->capacity == 0 ? 16 : hosts->capacity * 2;
        struct host *grown =
            capacity > HOSTS_MAX ? NULL : realloc(hosts->items, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        hosts->items = grown;
        hosts->capacity = capacity;
    }
    hosts->items[hosts->count] = (struct host){0};
    return &hosts->items[hosts->count++];
}

/* "ip" or "ip.N": one or several addresses. */
static bool is_address_member(const struct btr_json_member *m)
{
    return m->type == BTR_JSON_STRING &&
           (btr_span_equal(m->name, BTR_SPAN("ip")) || btr_span_begins(m->name, BTR_SPAN("ip.")));
}

static bool is_user_member(const struct btr_json_member *m)
{
    return m->type == BTR_JSON_STRING && btr_span_begins(m->name, BTR_SPAN("users."));
}

/* Sorts the members of one host into its fields. The spans live in the arena. */
static bool host_fill(struct host *host, const struct btr_json_member *members, uint32_t count,
                      struct btr_arena *arena)
{
    host->addresses = btr_arena_alloc(arena, count * sizeof(*host->addresses), 8);
    host->users = btr_arena_alloc(arena, count * sizeof(*host->users), 8);
    if (!host->addresses || !host->users)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_json_member *m = &members[i];
        if (is_address_member(m)) {
            host->addresses[host->address_count++] = m->value;
        } else if (is_user_member(m)) {
            struct btr_span uid = {m->name.at + 6, m->name.size - 6};
            host->users[host->user_count++] = (struct pair){uid, m->value};
        } else if (m->type == BTR_JSON_STRING &&
                   btr_span_equal(m->name, BTR_SPAN("serial_space"))) {
            host->serial_space = m->value;
        }
    }
    return true;
}

/* Reads one `"name": {...}`. */
static int host_read(struct btr_hosts *hosts, struct btr_span *rest, struct btr_err *err)
{
    struct btr_span raw_name, raw_value, name = {0};
    if (!take_raw(rest, '"', &raw_name) || !take(rest, ':'))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                        "host inventory: a host name in quotes is missing");
    int rc = read_name(&name, raw_name, hosts->arena, err);
    if (rc < 0)
        return rc;
    if (!take_raw(rest, '{', &raw_value))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "host inventory: %.*s is no object",
                        (int)name.size, (const char *)name.at);
    struct btr_json_member *members = NULL;
    uint32_t count = 0;
    rc = btr_json_flatten_plain(raw_value, hosts->arena, &members, &count, err);
    if (rc < 0)
        return rc;
    struct host *host = host_add(hosts);
    uint8_t *folded = btr_arena_alloc(hosts->arena, name.size, 1);
    if (!host || !folded || !host_fill(host, members, count, hosts->arena))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory");
    host->full = fold_into(folded, name);
    host->first_label = first_label(host->full);
    return 0;
}

static int read_all(struct btr_hosts *hosts, struct btr_span json, struct btr_err *err)
{
    struct btr_span rest = json;
    if (!take(&rest, '{'))
        return btr_fail(err, BTR_E_FORMAT, 0, "host inventory: not a JSON object");
    while (!take(&rest, '}')) {
        if (hosts->count > 0 && !take(&rest, ','))
            return btr_fail(err, BTR_E_FORMAT, (uint64_t)(rest.at - json.at),
                            "host inventory: a comma or the end is missing");
        int rc = host_read(hosts, &rest, err);
        if (rc == BTR_E_FORMAT && err)
            err->offset = (uint64_t)(rest.at - json.at);
        if (rc < 0)
            return rc;
    }
    rest = skip_space(rest);
    if (rest.size > 0)
        return btr_fail(err, BTR_E_FORMAT, (uint64_t)(rest.at - json.at),
                        "host inventory: more text after its end");
    return 0;
}

/* ---- Indexes ------------------------------------------------------------------------------------
 */

static uint64_t address_hash(struct btr_span text)
{
    struct base_address address;
    if (!base_address_parse(text, &address))
        return btr_hash64(text);
    return btr_hash64((struct btr_span){address.bytes, address.size});
}

/* Hashes of 64 bits may be forged to meet; what they find is compared. */
static bool address_equal(struct btr_span a, struct btr_span b)
{
    struct base_address left, right;
    if (!base_address_parse(a, &left) || !base_address_parse(b, &right))
        return btr_span_equal(a, b);
    return left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0;
}

static bool count_labels(struct btr_hosts *hosts)
{
    for (uint32_t i = 0; i < hosts->count; i++) {
        uint64_t hash = btr_hash64(hosts->items[i].first_label);
        uint32_t sharing = btr_u64map_get(&hosts->by_label, hash);
        if (!btr_u64map_set(&hosts->by_label, hash, sharing == UINT32_MAX ? 1 : sharing + 1))
            return false;
    }
    return true;
}

static bool index_addresses(struct btr_hosts *hosts, uint32_t index)
{
    const struct host *host = &hosts->items[index];
    for (uint32_t i = 0; i < host->address_count; i++) {
        uint64_t hash = address_hash(host->addresses[i]);
        if (btr_u64map_get(&hosts->by_address, hash) == UINT32_MAX &&
            !btr_u64map_set(&hosts->by_address, hash, index))
            return false;
    }
    return true;
}

static int index_all(struct btr_hosts *hosts, struct btr_err *err)
{
    if (!count_labels(hosts))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory");
    for (uint32_t i = 0; i < hosts->count; i++) {
        struct host *host = &hosts->items[i];
        host->name = label_is_shared(hosts, host->first_label) ? host->full : host->first_label;
        uint64_t hash = btr_hash64(host->name);
        if (btr_u64map_get(&hosts->by_name, hash) != UINT32_MAX)
            return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                            "host inventory: %.*s stands there twice", (int)host->name.size,
                            (const char *)host->name.at);
        if (!btr_u64map_set(&hosts->by_name, hash, i) || !index_addresses(hosts, i))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory");
    }
    return 0;
}

int btr_hosts_parse(struct btr_hosts **out, struct btr_span json, struct btr_err *err)
{
    *out = NULL;
    struct btr_hosts *hosts = calloc(1, sizeof(*hosts));
    if (!hosts)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory");
    hosts->arena =
        btr_arena_new(json.size > SIZE_MAX / 128 ? SIZE_MAX : json.size * 64 + (1 << 20));
    int rc = hosts->arena ? read_all(hosts, json, err)
                          : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "host inventory");
    if (rc == 0)
        rc = index_all(hosts, err);
    if (rc < 0) {
        btr_hosts_free(hosts);
        return rc;
    }
    *out = hosts;
    return 0;
}

void btr_hosts_free(struct btr_hosts *hosts)
{
    if (!hosts)
        return;
    btr_u64map_fini(&hosts->by_name);
    btr_u64map_fini(&hosts->by_address);
    btr_u64map_fini(&hosts->by_label);
    btr_arena_free(hosts->arena);
    free(hosts->items);
    free(hosts);
}

/* ---- Questions ----------------------------------------------------------------------------------
 */

static const struct host *host_find(const struct btr_hosts *hosts, struct btr_span name)
{
    if (!hosts)
        return NULL;
    uint32_t index = btr_u64map_get(&hosts->by_name, btr_hash64(name));
    if (index == UINT32_MAX || !btr_span_equal(hosts->items[index].name, name))
        return NULL;
    return &hosts->items[index];
}

bool btr_hosts_known(const struct btr_hosts *hosts, struct btr_span host)
{
    return host_find(hosts, host) != NULL;
}

struct btr_span btr_hosts_address(const struct btr_hosts *hosts, struct btr_span host, uint32_t i)
{
    const struct host *found = host_find(hosts, host);
    return found && i < found->address_count ? found->addresses[i] : (struct btr_span){0};
}

struct btr_span btr_hosts_owner(const struct btr_hosts *hosts, struct btr_span address)
{
    if (!hosts || address.size == 0)
        return (struct btr_span){0};
    uint32_t index = btr_u64map_get(&hosts->by_address, address_hash(address));
    const struct host *host = index == UINT32_MAX ? NULL : &hosts->items[index];
    for (uint32_t i = 0; host && i < host->address_count; i++)
        if (address_equal(host->addresses[i], address))
            return host->name;
    return (struct btr_span){0};
}

struct btr_span btr_hosts_user(const struct btr_hosts *hosts, struct btr_span host,
                               struct btr_span uid)
{
    const struct host *found = host_find(hosts, host);
    for (uint32_t i = 0; found && i < found->user_count; i++)
        if (btr_span_equal(found->users[i].key, uid))
            return found->users[i].value;
    return (struct btr_span){0};
}

struct btr_span btr_hosts_serial_space(const struct btr_hosts *hosts, struct btr_span host)
{
    const struct host *found = host_find(hosts, host);
    return found ? found->serial_space : (struct btr_span){0};
}

struct btr_span btr_hosts_name(const struct btr_hosts *hosts, uint32_t i)
{
    return hosts && i < hosts->count ? hosts->items[i].name : (struct btr_span){0};
}
