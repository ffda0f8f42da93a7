#include "log_often.h"

#include <ctype.h>

static bool is_hex(uint8_t byte)
{
    return isdigit(byte) || (byte >= 'a' && byte <= 'f');
}

/* FNV-1a without numbers: times, counts, ports and hashes differ between lines that say the same.
 */
static uint64_t hash_of(struct btr_span line)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0, end = 0; i < line.size; i++) {
        bool number = false; /* of hexadecimal digits, one of which is a digit */
        if (i >= end) {
            for (end = i; end < line.size && is_hex(line.at[end]); end++)
                number = number || isdigit(line.at[end]);
            if (number) {
                i = end - 1;
                continue;
            }
        }
        hash = (hash ^ line.at[i]) * 0x100000001b3;
    }
    return hash ? hash : 1;
}

bool daemon_often_take(struct daemon_often *often, struct btr_span line, int64_t now_ns,
                       uint64_t *held)
{
    uint64_t hash = hash_of(line);
    size_t oldest = 0;
    *held = 0;
    for (size_t i = 0; i < DAEMON_OFTEN_SLOTS; i++) {
        if (often->slots[i].hash == hash) {
            oldest = i;
            break;
        }
        if (often->slots[i].since_ns < often->slots[oldest].since_ns)
            oldest = i;
    }
    bool known = often->slots[oldest].hash == hash;
    if (known && now_ns - often->slots[oldest].since_ns < DAEMON_OFTEN_S * INT64_C(1000000000)) {
        often->slots[oldest].held++;
        return false;
    }
    *held = known ? often->slots[oldest].held : 0;
    often->slots[oldest].hash = hash;
    often->slots[oldest].since_ns = now_ns;
    often->slots[oldest].held = 0;
    return true;
}
