#ifndef BTR_FILTER_H
#define BTR_FILTER_H
/** The FILTER language over ECS fields, and SPEC, which names where to start. */
#include <btr/buffer.h>
#include <btr/store.h>

struct btr_filter;

/** @return 0, BTR_E_USAGE (err->offset and a text that names the word), BTR_E_NOMEM. Empty text
 * accepts everything. */
int btr_filter_parse(struct btr_filter **out, struct btr_span text, struct btr_err *err);
void btr_filter_free(struct btr_filter *filter);
/** Whether any value of the entity's attributes satisfies the filter (each comparison: any value of
 * that field). */
bool btr_filter_entity(const struct btr_filter *filter, const struct btr_entity *entity);
/** What an entity must have to satisfy a filter: a value of one attribute. Lives as long as it. */
struct btr_filter_need {
    enum btr_attr_key key;
    bool is_exact;         /* it must be `value`, letters of either case being equal */
    struct btr_span value; /* else it must pass btr_filter_need_test */
    const struct btr_filter *filter;
    uint16_t node;
};
/** @return whether the filter needs a value; it must still be asked of those that have it */
bool btr_filter_need(const struct btr_filter *filter, struct btr_filter_need *out);
/** A btr_value_test. @param need  struct btr_filter_need */
bool btr_filter_need_test(void *need, struct btr_span value);
/** Values that a `matches` gave up on since parsing, as they cost too much; they counted as no
 * match. */
uint64_t btr_filter_given_up(const struct btr_filter *filter);

/** A parsed SPEC. Spans point into the text. */
enum btr_spec_form {
    BTR_SPEC_RECORD,
    BTR_SPEC_ORIGIN,
    BTR_SPEC_PROCESS,
    BTR_SPEC_FILE,
    BTR_SPEC_FLOW,
    BTR_SPEC_ID
};

struct btr_spec {
    enum btr_spec_form form;
    struct btr_span host, channel, path,
        address[2];     /* channel: of a record; path: of a file or input, topic */
    uint64_t number;    /* record id, line, pid, offset */
    uint32_t partition; /* UINT32_MAX when not a topic */
    uint32_t port[2];   /* UINT32_MAX = any */
    struct btr_id id;
    int64_t at_ns; /* from @T; INT64_MIN when not given */
};

/** @return 0, BTR_E_USAGE with a text that names what is wrong */
int btr_spec_parse(struct btr_spec *out, struct btr_span text, struct btr_err *err);

/**
 * Finds what a SPEC names in a snapshot.
 * @param at_ns       --at, or INT64_MIN
 * @param out         entity and the time to start from
 * @param candidates  when BTR_E_AMBIGUOUS: receives one line per candidate, escaped for a terminal
 * @return 0, BTR_E_NOTFOUND, BTR_E_AMBIGUOUS, or a failure of the store
 */
struct btr_spec_match {
    struct btr_id entity;
    int64_t time_ns;
    uint32_t source; /* as struct btr_flow; UINT32_MAX when the time is not an event's */
};
int btr_spec_resolve(struct btr_reader *reader, const struct btr_spec *spec, int64_t at_ns,
                     struct btr_spec_match *out, struct btr_buffer *candidates,
                     struct btr_err *err);

#endif
