#ifndef STORE_PACK_H
#define STORE_PACK_H
/** The door to zstd, and the writer of sections. */
#include "format.h"

/** Effort of zstd (docs/decisions/0001): of what is fresh or will be merged again, and of what
 * stays. */
enum { STORE_LEVEL_FRESH = 7, STORE_LEVEL_FINAL = 15 };

/** Makes the image of a segment file, section by section. One thread. */
struct store_packer {
    void *zstd;                               /* compression context, kept over segments */
    int level;                                /* STORE_LEVEL_FRESH until the owner changes it */
    struct btr_buffer file;                   /* header and table are filled in at the end */
    struct btr_buffer behind;                 /* sections that stand behind the dictionaries */
    struct btr_buffer blocks, directory, raw; /* of the section being made; `raw` is the caller's */
    struct store_section sections[STORE_SECTION_MAX];
    uint32_t section_count;
    uint32_t item;                    /* number of the next item of the section */
    bool is_gathering;                /* blocks wait for a dictionary to be made of them */
    struct btr_buffer gathered, rows; /* their bytes; size and count of each, u32 */
    void *dictionary;                 /* of the section being packed, or NULL */
    struct btr_buffer dictionaries;   /* of this segment: u32 size, u16 section, bytes */
};

/** @return false when out of memory */
bool store_packer_init(struct store_packer *p);
void store_packer_fini(struct store_packer *p);
/** @param sections  that are going to be made */
void store_packer_begin(struct store_packer *p, unsigned sections);
void store_section_begin(struct store_packer *p, enum store_section_type type, unsigned flags);
/** The same, of a section of small blocks alike: they are packed at its end, with a dictionary that
 * is made of them if there are enough. */
void store_section_begin_trained(struct store_packer *p, enum store_section_type type);
/** The same of larger blocks, in a segment that stays: of a fresh one it would cost too much. */
void store_section_begin_final(struct store_packer *p, enum store_section_type type);
/** Section dictionaries, after the last section that is trained. */
int store_packer_dictionaries(struct store_packer *p, struct btr_err *err);
/** Packs `p->raw` as the next block, which holds `count` items, and empties it. */
int store_section_block(struct store_packer *p, uint32_t count, struct btr_err *err);
void store_section_end(struct store_packer *p);
/** Fills in header and table. The image stays in `p->file`. @return 0 or BTR_E_NOMEM, BTR_E_LIMIT
 */
int store_packer_end(struct store_packer *p, struct store_header *header, struct btr_err *err);

/** Appends one frame of its own, made fast. @return false when out of memory */
bool store_pack(struct btr_buffer *out, struct btr_span raw);

/** Unpacks blocks; one per reader. */
void *store_unpacker_new(void);
void store_unpacker_free(void *unpacker);
/** @param raw  receives exactly raw_size bytes  @return false when the frame is not that */
bool store_unpack(void *unpacker, struct btr_span packed, uint8_t *raw, size_t raw_size);
/** @return NULL when out of memory, or when the bytes are no dictionary */
void *store_dictionary_new(struct btr_span bytes);
void store_dictionary_free(void *dictionary);
/** The same, of a frame that was packed with a dictionary. */
bool store_unpack_with(void *unpacker, const void *dictionary, struct btr_span packed, uint8_t *raw,
                       size_t raw_size);

#endif
