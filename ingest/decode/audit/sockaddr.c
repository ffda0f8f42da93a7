#include "fields.h"

#include <arpa/inet.h>

/* Linux's numbers of families: what a record means does not depend on where it is read. */
enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16 };
enum { SOCKADDR_SIZE_MAX = 128, INET_SIZE_MIN = 8, INET6_SIZE_MIN = 24, UNIX_NAME_MAX = 108 };

static size_t put_octet(char *at, uint8_t value)
{
    size_t size = 0;
    if (value >= 100)
        at[size++] = (char)('0' + value / 100);
    if (value >= 10)
        at[size++] = (char)('0' + value / 10 % 10);
    at[size++] = (char)('0' + value % 10);
    return size;
}

static void ipv4_text(const uint8_t *bytes, char *out)
{
    size_t size = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            out[size++] = '.';
        size += put_octet(out + size, bytes[i]);
    }
    out[size] = 0;
}

static void inet_read(const uint8_t *bytes, size_t size, struct audit_sockaddr *out)
{
    if (size < INET_SIZE_MIN)
        return;
    out->family = AUDIT_FAMILY_INET;
    out->port = (uint16_t)(bytes[2] << 8 | bytes[3]);
    ipv4_text(bytes + 4, out->ip);
}

static void inet6_read(const uint8_t *bytes, size_t size, struct audit_sockaddr *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (size < INET6_SIZE_MIN)
        return;
    out->family = AUDIT_FAMILY_INET6;
    out->port = (uint16_t)(bytes[2] << 8 | bytes[3]);
    if (memcmp(bytes + 8, mapped, sizeof(mapped)) == 0)
        ipv4_text(bytes + 20, out->ip);
    else
        inet_ntop(AF_INET6, bytes + 8, out->ip, sizeof(out->ip));
}

/* A path ends at its NUL. An abstract name is all bytes given; zeros that pad it are no part of the
   name here, since programs differ in what they pass for one name. */
static void unix_read(const uint8_t *bytes, size_t size, struct audit_sockaddr *out)
{
    out->family = AUDIT_FAMILY_UNIX;
    const uint8_t *name = bytes + 2;
    size_t rest = size - 2 < UNIX_NAME_MAX ? size - 2 : UNIX_NAME_MAX;
    if (rest > 0 && name[0] != 0) {
        const uint8_t *end = memchr(name, 0, rest);
        rest = end ? (size_t)(end - name) : rest;
        memcpy(out->path, name, rest);
    } else {
        while (rest > 0 && name[rest - 1] == 0)
            rest--;
        if (rest > 0)
            memcpy(out->path, name, rest);
        out->path[0] = '@';
    }
    out->path_size = (uint8_t)rest;
}

bool audit_sockaddr_parse(struct btr_span hex, struct audit_sockaddr *out)
{
    uint8_t bytes[SOCKADDR_SIZE_MAX], bad = 0;
    size_t size = hex.size / 2 < SOCKADDR_SIZE_MAX ? hex.size / 2 : SOCKADDR_SIZE_MAX;
    if (hex.size % 2 != 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t high = audit_hex_values[hex.at[2 * i]], low = audit_hex_values[hex.at[2 * i + 1]];
        bad |= (uint8_t)(high | low);
        bytes[i] = (uint8_t)(high << 4 | (low & 15));
    }
    if (bad > 15)
        return false;
    out->family = AUDIT_FAMILY_OTHER;
    out->port = 0;
    out->ip[0] = 0;
    out->path_size = 0;
    if (size < 2)
        return true;
    unsigned family = bytes[0] != 0 ? bytes[0] | (unsigned)bytes[1] << 8
                                    : bytes[1]; /* big-endian machines: 0002 */
    if (family == FAMILY_INET)
        inet_read(bytes, size, out);
    else if (family == FAMILY_INET6)
        inet6_read(bytes, size, out);
    else if (family == FAMILY_UNIX)
        unix_read(bytes, size, out);
    else if (family == FAMILY_NETLINK)
        out->family = AUDIT_FAMILY_NETLINK;
    return true;
}
