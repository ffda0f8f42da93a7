#ifndef SOURCE_ENVELOPE_H
#define SOURCE_ENVELOPE_H
/** What shippers put around a line: where they keep its text, and where the host's name. docs/INGEST.md, "Messages". */
#include <btr/span.h>

enum { SOURCE_ENVELOPE_TEXTS = 3, SOURCE_ENVELOPE_HOSTS = 6 };

/** JSON strings as they stand between their quotes, most trusted first; NULL where there is none. Borrowed. */
struct source_envelope {
    struct btr_span texts[SOURCE_ENVELOPE_TEXTS];
    struct btr_span hosts[SOURCE_ENVELOPE_HOSTS];
};

/**
 * A look so cheap that each JSON event can have it: no envelope holds a record of a known format unless this is true.
 * It knows what such records have in common: an audit stamp, or a JSON object.
 */
bool source_envelope_possible(struct btr_span object);
/** Reads an object's members. @return false when it is no whole JSON object, or has no text of a line */
bool source_envelope_read(struct source_envelope *out, struct btr_span object);

#endif
