#ifndef WINLOG_FIELDS_H
#define WINLOG_FIELDS_H
/** One view of a Windows event, whatever the shipper wrote: flat (NXLog, Logstash, Azure) or nested
 * (Winlogbeat). */
#include <btr/json.h>

#include "names.h"

/** Borrowed from the record and its arena. */
struct win_fields {
    struct btr_json_member
        *members; /* names shortened to the event's own: "winlog.event_data.Image" is "Image" */
    uint32_t count;
    uint16_t by_name[WIN_NAMES]; /* 1 + index of its first member; 0: none */
    struct btr_span host;        /* as written; empty when the record names none */
    struct btr_span channel;     /* as written */
    struct btr_span provider;
    struct btr_span message; /* rendered text, or empty */
    uint32_t event_id;
    uint64_t record_id; /* 0: none told */
    bool sysmon;        /* provider or channel is Sysmon's */
    bool from_linux;    /* Sysmon for Linux */
    bool cut;           /* the last fields of the event did not come */
};

/**
 * Reads a record.
 * @return 0, BTR_E_FORMAT (no JSON object, or no Windows event: the text says why), BTR_E_LIMIT,
 * BTR_E_NOMEM
 */
int win_fields_read(struct win_fields *out, struct btr_json_reader *reader, struct btr_span record,
                    struct btr_arena *arena, struct btr_err *err);

/** The same of an event of Sysmon for Linux, for a view that has the members of the syslog row
 * around it (linux.c). @return as above */
int win_linux_fields(struct win_fields *f, struct btr_span xml, struct btr_arena *arena,
                     struct btr_err *err);

/** A field by its name. Empty when it is absent, empty or "-". Sysmon fields that are only in the
 * message are found there. */
struct btr_span win_field(const struct win_fields *f, enum win_name name);
/** The first of two names that tells something: spellings differ between events
 * ("SourceProcessGUID"). */
struct btr_span win_field_either(const struct win_fields *f, enum win_name name,
                                 enum win_name other);
/** To be called when the members are all there: they are found by name then. */
void win_fields_index(struct win_fields *f);
/** The member itself, for those whose JSON type tells shippers apart; NULL when absent. */
const struct btr_json_member *win_member(const struct win_fields *f, enum win_name name);
/** The value behind `Name: ` on a line of the message; empty when there is none. */
struct btr_span win_message_field(const struct win_fields *f, struct btr_span name);

/** A number: decimal, or hexadecimal after "0x". @return false when it is neither */
bool win_number(struct btr_span text, uint64_t *value);
/** ASCII letters count alike. */
bool win_equal_fold(struct btr_span a, struct btr_span b);
bool win_ends_fold(struct btr_span s, struct btr_span suffix);
/** Lower case by ASCII in the arena; the text itself when memory is short or nothing changes. */
struct btr_span win_fold(struct btr_arena *arena, struct btr_span text);
/** Where `needle` begins in `hay`, ASCII letters alike; SIZE_MAX when nowhere. */
size_t win_find_fold(struct btr_span hay, struct btr_span needle);
/** What stands behind the last slash or backslash. */
struct btr_span win_basename(struct btr_span path);

/** The host that a record names, found without reading it as a whole. */
struct btr_span win_host_peek(struct btr_span record);
/** 0 to 100: how much a record looks like a Windows event. */
int win_record_score(struct btr_span record);

#endif
