#include <btr/identity.h>

#include <arpa/inet.h>

#include "address.h"
#include "id_private.h"

/* ---- Addresses --------------------------------------------------------------------------------
 */

bool base_address_parse(struct btr_span text, struct base_address *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291, section 2.5.5.2 */
    char name[INET6_ADDRSTRLEN];
    if (text.size == 0 || text.size >= sizeof(name) || memchr(text.at, '\0', text.size))
        return false;
    memcpy(name, text.at, text.size);
    name[text.size] = '\0';
    *out = (struct base_address){.size = 4};
    if (inet_pton(AF_INET, name, out->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, name, out->bytes) != 1)
        return false;
    if (memcmp(out->bytes, mapped, sizeof(mapped)) == 0) {
        memmove(out->bytes, out->bytes + sizeof(mapped), 4);
        memset(out->bytes + 4, 0, sizeof(out->bytes) - 4);
        return true;
    }
    out->size = 16;
    return true;
}

static bool address_is_loopback(const struct base_address *a)
{
    static const uint8_t six[16] = {[15] = 1};
    return a->size == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, six, sizeof(six)) == 0;
}

static bool address_is_any(const struct base_address *a)
{
    static const uint8_t none[16] = {0};
    return memcmp(a->bytes, none, a->size) == 0;
}

bool btr_address_is_loopback(struct btr_span ip)
{
    struct base_address a;
    return base_address_parse(ip, &a) && address_is_loopback(&a);
}

bool btr_address_is_any(struct btr_span ip)
{
    struct base_address a;
    return ip.size == 0 || (base_address_parse(ip, &a) && address_is_any(&a));
}

/* ---- Endpoints --------------------------------------------------------------------------------
 */

enum { ENDPOINT_NO_PORT = UINT16_MAX + 1 };

/* An endpoint as key bytes: form, address, port. Forms: 'a' no address, '4', '6', 't' any other
 * text by its hash. */
struct endpoint {
    uint8_t bytes[1 + 16 + 4];
    size_t size;
    bool loopback;
};

static void put_big(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
}

static struct endpoint endpoint_of(struct btr_span ip, uint32_t port)
{
    struct endpoint e = {.size = 1};
    struct base_address a;
    if (base_address_parse(ip, &a)) {
        e.loopback = address_is_loopback(&a);
        e.bytes[0] = address_is_any(&a) ? 'a' : a.size == 4 ? '4' : '6';
        if (e.bytes[0] != 'a') {
            memcpy(e.bytes + 1, a.bytes, a.size);
            e.size += a.size;
        }
    } else if (ip.size == 0) {
        e.bytes[0] = 'a';
    } else {
        struct base_part text = {ip, BASE_FOLD_ASCII};
        struct btr_id hash = base_id_of_parts(&text, 1);
        e.bytes[0] = 't';
        put_big(e.bytes + 1, hash.hi, 8);
        put_big(e.bytes + 9, hash.lo, 8);
        e.size += 16;
    }
    put_big(e.bytes + e.size, port, 4);
    e.size += 4;
    return e;
}

static struct btr_span endpoint_span(const struct endpoint *e)
{
    return (struct btr_span){e->bytes, e->size};
}

/* Key of two endpoints. What is loopback belongs to its host, all else to a zone. */
static struct btr_id endpoints_id(struct btr_span tag, struct btr_span transport,
                                  const struct endpoint *a, const struct endpoint *b,
                                  struct btr_span host, struct btr_span zone)
{
    bool local = a->loopback || b->loopback;
    const struct base_part parts[] = {
        {tag, BASE_FOLD_NONE},
        {transport, BASE_FOLD_ASCII},
        {endpoint_span(a), BASE_FOLD_NONE},
        {endpoint_span(b), BASE_FOLD_NONE},
        {local ? BTR_SPAN("host") : BTR_SPAN("zone"), BASE_FOLD_NONE},
        {local ? host : zone, BASE_FOLD_NONE},
    };
    return base_id_of_parts(parts, sizeof(parts) / sizeof(parts[0]));
}

struct btr_id btr_identity_flow(struct btr_span transport, struct btr_span ip_a, uint32_t port_a,
                                struct btr_span ip_b, uint32_t port_b, struct btr_span host,
                                struct btr_span zone)
{
    struct endpoint a = endpoint_of(ip_a, port_a), b = endpoint_of(ip_b, port_b);
    bool in_order = btr_span_compare(endpoint_span(&a), endpoint_span(&b)) <= 0;
    return endpoints_id(BTR_SPAN("flow"), transport, in_order ? &a : &b, in_order ? &b : &a, host,
                        zone);
}

struct btr_id btr_identity_rendezvous(struct btr_span transport, struct btr_span server_ip,
                                      uint32_t server_port, struct btr_span client_ip,
                                      struct btr_span host, struct btr_span zone)
{
    struct endpoint server = endpoint_of(server_ip, server_port);
    struct endpoint client = endpoint_of(client_ip, ENDPOINT_NO_PORT);
    return endpoints_id(BTR_SPAN("rendezvous"), transport, &server, &client, host, zone);
}

struct btr_id btr_identity_rendezvous_unix(struct btr_span host, struct btr_span root,
                                           struct btr_span path)
{
    const struct btr_span parts[] = {BTR_SPAN("rendezvous-unix"), host, root, path};
    return btr_id_of(parts, sizeof(parts) / sizeof(parts[0]));
}

/* ---- Processes, files, and the rest -------------------------------------------------------------
 */

struct btr_id btr_identity_process_native(struct btr_span host, struct btr_span native)
{
    if (native.size >= 2 && native.at[0] == '{' && native.at[native.size - 1] == '}')
        native = (struct btr_span){native.at + 1, native.size - 2};
    const struct base_part parts[] = {
        {BTR_SPAN("process-native"), BASE_FOLD_NONE},
        {host, BASE_FOLD_NONE},
        {native, BASE_FOLD_ASCII},
    };
    return base_id_of_parts(parts, sizeof(parts) / sizeof(parts[0]));
}

struct btr_id btr_identity_process(struct btr_span host, uint64_t pid, int64_t start_ns)
{
    uint8_t numbers[16];
    put_big(numbers, pid, 8);
    put_big(numbers + 8, (uint64_t)start_ns, 8);
    const struct btr_span parts[] = {BTR_SPAN("process"), host, {numbers, sizeof(numbers)}};
    return btr_id_of(parts, sizeof(parts) / sizeof(parts[0]));
}

bool base_begins_with_drive(struct btr_span path)
{
    if (path.size < 2 || path.at[1] != ':')
        return false;
    uint8_t letter = path.at[0] | 0x20;
    return letter >= 'a' && letter <= 'z';
}

struct btr_span base_without_device_prefix(struct btr_span path)
{
    if (!btr_span_begins(path, BTR_SPAN("\\??\\")) && !btr_span_begins(path, BTR_SPAN("\\\\?\\")))
        return path;
    struct btr_span rest = {path.at + 4, path.size - 4};
    return base_begins_with_drive(rest) ? rest : path;
}

struct btr_id btr_identity_file(struct btr_span host, struct btr_span root, struct btr_span path)
{
    bool windows = base_begins_with_drive(path) || btr_span_begins(path, BTR_SPAN("\\"));
    const struct base_part parts[] = {
        {BTR_SPAN("file"), BASE_FOLD_NONE},
        {host, BASE_FOLD_NONE},
        {root, BASE_FOLD_NONE},
        {base_without_device_prefix(path), windows ? BASE_FOLD_WINDOWS : BASE_FOLD_NONE},
    };
    return base_id_of_parts(parts, sizeof(parts) / sizeof(parts[0]));
}

struct btr_id btr_identity_named(const char *tag, struct btr_span host, struct btr_span name)
{
    const struct btr_span parts[] = {BTR_SPAN("named"), btr_span_of(tag), host, name};
    return btr_id_of(parts, sizeof(parts) / sizeof(parts[0]));
}

struct btr_id btr_identity_numbered(const char *tag, struct btr_span host, uint64_t a, uint64_t b)
{
    uint8_t numbers[16];
    put_big(numbers, a, 8);
    put_big(numbers + 8, b, 8);
    const struct btr_span parts[] = {
        BTR_SPAN("numbered"), btr_span_of(tag), host, {numbers, sizeof(numbers)}};
    return btr_id_of(parts, sizeof(parts) / sizeof(parts[0]));
}
