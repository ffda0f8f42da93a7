#include "values.h"

enum { FOLD_SIZE = 512 };

bool store_value_is_listed(uint16_t key)
{
    switch (key) {
    case BTR_ATTR_PROCESS_PID:
    case BTR_ATTR_PROCESS_EXECUTABLE:
    case BTR_ATTR_PROCESS_NAME:
    case BTR_ATTR_PROCESS_ENTITY_ID:
    case BTR_ATTR_PROCESS_HASH_SHA256:
    case BTR_ATTR_FILE_PATH:
    case BTR_ATTR_FILE_HASH_SHA256:
    case BTR_ATTR_FILE_HASH_MD5:
    case BTR_ATTR_SOURCE_IP:
    case BTR_ATTR_DESTINATION_IP:
    case BTR_ATTR_DESTINATION_DOMAIN:
    case BTR_ATTR_REGISTRY_PATH:
    case BTR_ATTR_DNS_QUESTION_NAME:
        return true;
    default:
        return false;
    }
}

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static struct btr_span plain(uint16_t key, struct btr_span value)
{
    while (key == BTR_ATTR_PROCESS_PID && value.size > 1 && value.at[0] == '0')
        value = (struct btr_span){value.at + 1, value.size - 1};
    return value;
}

uint64_t store_value_hash(uint16_t key, struct btr_span value)
{
    uint64_t hash = key;
    value = plain(key, value);
    for (size_t at = 0; at == 0 || at < value.size;) { /* 512 bytes after another, as a chain */
        uint8_t part[FOLD_SIZE];
        size_t size = value.size - at < FOLD_SIZE ? value.size - at : FOLD_SIZE;
        for (size_t i = 0; i < size; i++)
            part[i] = folded(value.at[at + i]);
        hash = btr_hash64_seeded((struct btr_span){part, size}, hash);
        at += FOLD_SIZE;
    }
    return hash;
}

bool store_value_equal(uint16_t key, struct btr_span a, struct btr_span b)
{
    a = plain(key, a);
    b = plain(key, b);
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (folded(a.at[i]) != folded(b.at[i]))
            return false;
    return true;
}
