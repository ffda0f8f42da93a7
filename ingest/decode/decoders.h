#ifndef INGEST_DECODERS_H
#define INGEST_DECODERS_H
/** The members of btr_decoders, one file each. A new format: copy template.c, declare it here, list
 * it in registry.c. */
#include <btr/decoder.h>

extern const struct btr_decoder btr_decoder_auditd; /* decode/auditd.c */
extern const struct btr_decoder btr_decoder_winlog; /* decode/winlog.c */
extern const struct btr_decoder
    btr_decoder_template; /* decode/template.c: compiled and tested, but not listed */

#endif
