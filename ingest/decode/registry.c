#include "decoders.h"

/* Surest format first: the first of equally sure ones is taken. */
const struct btr_decoder *const btr_decoders[] = {
    &btr_decoder_auditd,
    &btr_decoder_winlog,
    NULL,
};

const struct btr_decoder *btr_decoder_find(struct btr_span name)
{
    for (size_t i = 0; btr_decoders[i]; i++)
        if (btr_span_equal(name, btr_span_of(btr_decoders[i]->name)))
            return btr_decoders[i];
    return NULL;
}

uint64_t btr_decoder_event_key(struct btr_span format, struct btr_span record)
{
    const struct btr_decoder *decoder = btr_decoder_find(format);
    return decoder && decoder->event_key ? decoder->event_key(record) : 0;
}

const struct btr_decoder *btr_decoder_detect(const struct btr_span *records, size_t record_count)
{
    const struct btr_decoder *surest = NULL;
    int best = 0;
    for (size_t i = 0; btr_decoders[i]; i++) {
        int sure = btr_decoders[i]->detect(records, record_count);
        if (sure > best) {
            best = sure;
            surest = btr_decoders[i];
        }
    }
    return surest;
}
