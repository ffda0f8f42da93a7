#include <btr/event.h>

/* One row of a table of words; a table is indexed by number, holes are NULL. */
static unsigned word_find(const char *const *words, unsigned word_max, struct btr_span word)
{
    for (unsigned i = 1; i <= word_max; i++)
        if (words[i] && btr_span_equal(btr_span_of(words[i]), word))
            return i;
    return 0;
}

static const char *const kind_words[BTR_KIND_MAX + 1] = {
#define KIND_ROW(name, number, word) [number] = word,
    BTR_KIND_TABLE(KIND_ROW)
#undef KIND_ROW
};

const char *btr_kind_word(unsigned kind)
{
    return kind <= BTR_KIND_MAX ? kind_words[kind] : NULL;
}

enum btr_kind btr_kind_find(struct btr_span word)
{
    return (enum btr_kind)word_find(kind_words, BTR_KIND_MAX, word);
}

static const char *const attr_names[BTR_ATTR_MAX + 1] = {
#define ATTR_ROW(name, number, ecs) [number] = ecs,
    BTR_ATTR_TABLE(ATTR_ROW)
#undef ATTR_ROW
};

const char *btr_attr_name(unsigned key)
{
    return key <= BTR_ATTR_MAX ? attr_names[key] : NULL;
}

enum btr_attr_key btr_attr_find(struct btr_span name)
{
    return (enum btr_attr_key)word_find(attr_names, BTR_ATTR_MAX, name);
}

static const enum btr_direction operation_directions[BTR_OP_MAX + 1] = {
#define DIRECTION_ROW(name, number, direction, word, phrase) [number] = BTR_FLOW_##direction,
    BTR_OPERATION_TABLE(DIRECTION_ROW)
#undef DIRECTION_ROW
};

enum btr_direction btr_operation_direction(unsigned operation)
{
    return operation <= BTR_OP_MAX ? operation_directions[operation] : BTR_FLOW_NONE;
}

static const char *const operation_words[BTR_OP_MAX + 1] = {
#define WORD_ROW(name, number, direction, word, phrase) [number] = word,
    BTR_OPERATION_TABLE(WORD_ROW)
#undef WORD_ROW
};

const char *btr_operation_word(unsigned operation)
{
    return operation <= BTR_OP_MAX ? operation_words[operation] : NULL;
}

static const char *const operation_phrases[BTR_OP_MAX + 1] = {
#define PHRASE_ROW(name, number, direction, word, phrase) [number] = phrase,
    BTR_OPERATION_TABLE(PHRASE_ROW)
#undef PHRASE_ROW
};

const char *btr_operation_phrase(unsigned operation)
{
    return operation <= BTR_OP_MAX ? operation_phrases[operation] : NULL;
}

enum btr_operation btr_operation_find(struct btr_span word)
{
    return (enum btr_operation)word_find(operation_words, BTR_OP_MAX, word);
}

static const char *const doubt_texts[BTR_DOUBT_MAX + 1] = {
#define DOUBT_ROW(name, number, text) [number] = text,
    BTR_DOUBT_TABLE(DOUBT_ROW)
#undef DOUBT_ROW
};

const char *btr_doubt_text(unsigned doubt)
{
    return doubt <= BTR_DOUBT_MAX ? doubt_texts[doubt] : NULL;
}

static const char *const gap_texts[BTR_GAP_MAX + 1] = {
#define GAP_ROW(name, number, text) [number] = text,
    BTR_GAP_TABLE(GAP_ROW)
#undef GAP_ROW
};

const char *btr_gap_text(unsigned kind)
{
    return kind <= BTR_GAP_MAX ? gap_texts[kind] : NULL;
}

/* The word is the name in small letters; the table has no room for a second spelling. */
const char *btr_gap_word(unsigned kind)
{
    static const char *const words[BTR_GAP_MAX + 1] = {
        [BTR_GAP_LOST] = "lost",       [BTR_GAP_BACKLOG] = "backlog",
        [BTR_GAP_STOPPED] = "stopped", [BTR_GAP_STARTED] = "started",
        [BTR_GAP_HOLE] = "hole",       [BTR_GAP_CLOCK] = "clock",
        [BTR_GAP_RULES] = "rules",     [BTR_GAP_UNDECODED] = "undecoded",
        [BTR_GAP_CLEARED] = "cleared", [BTR_GAP_EVICTED] = "evicted",
        [BTR_GAP_CUT] = "cut",         [BTR_GAP_OFFSETS] = "offsets",
        [BTR_GAP_SPLIT] = "split",     [BTR_GAP_SHARED] = "shared",
    };
    return kind <= BTR_GAP_MAX ? words[kind] : NULL;
}
