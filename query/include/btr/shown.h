#ifndef BTR_SHOWN_H
#define BTR_SHOWN_H
/** The bytes behind an answer: kept records, as `--show-records` prints them, and what could not be shown. */
#include <btr/buffer.h>
#include <btr/kept.h>
#include <btr/store.h>

#define BTR_SHOWN_SIZE_MAX (UINT64_C(256) << 20) /* bytes of records in one answer */

/** Zeroed but for `kept`, it is ready. */
struct btr_shown {
    struct btr_kept *kept;
    uint64_t found, missing, damaged; /* events: shown, at least in part; not kept; kept in a damaged file */
    uint64_t left_out;                /* records beyond the bounds of btr/kept.h or BTR_SHOWN_SIZE_MAX */
    uint64_t size;                    /* bytes of records shown */
    char why[BTR_ERR_TEXT_SIZE];      /* the first damage */
};

/** The records of an event, a line each behind `margin`, escaped for a terminal; one line when there are none to show. */
void btr_shown_text(struct btr_shown *shown, const struct btr_kept_place *place, const char *margin,
                    struct btr_buffer *out);
/**
 * The member "records" of an event: an array of strings, or null when none is kept; after it "records_left_out" when
 * some are. Without a comma before.
 */
void btr_shown_json(struct btr_shown *shown, const struct btr_kept_place *place, struct btr_buffer *out);
/** What could not be shown, a line each, for the head of a text; nothing when all was. */
void btr_shown_lack_text(struct btr_buffer *out, const struct btr_shown *shown);
/** The member "records" of an answer: how many events were shown, and were not. Without a comma around it. */
void btr_shown_lack_json(struct btr_buffer *out, const struct btr_shown *shown);

/** The first and the last event of an entity, which say when it was seen. */
struct btr_shown_ends {
    struct btr_event_full first, last;
    bool any, one; /* it has events; they are the same event */
};
/** @return 0, or what reading its events fails with */
int btr_shown_ends_find(struct btr_shown_ends *out, struct btr_reader *reader, struct btr_id entity, struct btr_err *err);
/** Their records as lines of a text. */
void btr_shown_ends_text(struct btr_shown *shown, const struct btr_shown_ends *ends, struct btr_buffer *out);
/** The member "evidence": an array of the two, each as in backtrail-trace/1, with its records. Without a comma before. */
void btr_shown_ends_json(struct btr_shown *shown, const struct btr_shown_ends *ends, struct btr_buffer *out);

#endif
