#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/content.h"
#include "temp_files.h"

enum { TEXT_SIZE = 3 << 20 };

static char folder[256];
static uint8_t *text; /* TEXT_SIZE bytes of lines that pack neither well nor badly */

static int folder_setup(void **state)
{
    (void)state;
    temp_folder_make(folder);
    text = malloc(TEXT_SIZE);
    uint64_t seed = 1;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        text[i] = (seed >> 60) == 0 ? '\n' : (uint8_t)('a' + (seed >> 61));
    }
    return text ? 0 : -1;
}

static int folder_teardown(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    free(text);
    return 0;
}

/* Reads a whole content. @return what ended it */
static int content_read(const char *path, struct btr_buffer *out, struct btr_err *err)
{
    struct btr_content *content;
    struct btr_span block;
    int rc = btr_content_open(&content, path, err);
    if (rc < 0)
        return rc;
    while ((rc = btr_content_next(content, &block, err)) == 1)
        btr_buffer_span(out, block);
    btr_content_close(content);
    assert_false(out->failed);
    return rc;
}

static void reads_back(struct btr_span stored, struct btr_span meant)
{
    char path[256];
    struct btr_buffer got = {0};
    struct btr_err err = {0};
    temp_file_write(folder, "input", stored, path);
    assert_int_equal(content_read(path, &got, &err), 0);
    assert_int_equal(got.size, meant.size);
    assert_true(btr_span_equal(btr_buffer_view(&got), meant));
    btr_buffer_fini(&got);
}

static void every_packing_gives_the_same_bytes(void **state)
{
    (void)state;
    struct btr_span meant = {text, TEXT_SIZE};
    struct btr_buffer packed = {0};
    reads_back(meant, meant);
    temp_pack_zstd(&packed, meant);
    reads_back(btr_buffer_view(&packed), meant);
    btr_buffer_clear(&packed);
    temp_pack_gzip(&packed, meant);
    reads_back(btr_buffer_view(&packed), meant);
    btr_buffer_fini(&packed);
}

static void frames_and_members_follow_each_other_without_a_seam(void **state)
{
    (void)state;
    struct btr_span meant = {text, TEXT_SIZE};
    for (int kind = 0; kind < 2; kind++) {
        struct btr_buffer packed = {0};
        size_t cuts[] = {0, 1, 1, 1000, TEXT_SIZE / 2, TEXT_SIZE}; /* an empty frame too */
        for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++) {
            struct btr_span part = {text + cuts[i], cuts[i + 1] - cuts[i]};
            (kind == 0 ? temp_pack_zstd : temp_pack_gzip)(&packed, part);
        }
        if (kind == 0)
            btr_buffer_put(&packed, "\x51\x2a\x4d\x18\x03\0\0\0abc", 11); /* a skippable frame */
        else
            btr_buffer_put(&packed, "\0\0\0\0\0", 5); /* filled up with zeros, as tapes are */
        reads_back(btr_buffer_view(&packed), meant);
        btr_buffer_fini(&packed);
    }
}

static void an_empty_file_is_an_empty_content(void **state)
{
    (void)state;
    reads_back((struct btr_span){0}, (struct btr_span){0});
    reads_back(BTR_SPAN("x"), BTR_SPAN("x"));
    reads_back(BTR_SPAN("\x28"), BTR_SPAN("\x28"));
}

/* Cuts at every byte of the beginning and the end, and at some between. */
static void cut_gives_the_good_part_first(const struct btr_buffer *packed, struct btr_span meant)
{
    char path[256];
    for (size_t size = 6; size < packed->size;
         size += size < 30 || size > packed->size - 12 ? 1 : 99991) {
        struct btr_buffer got = {0};
        struct btr_err err = {0};
        temp_file_write(folder, "cut", (struct btr_span){packed->at, size}, path);
        assert_int_equal(content_read(path, &got, &err), BTR_E_TRUNCATED);
        assert_true(btr_span_begins(meant, btr_buffer_view(&got)));
        assert_true(got.size + 300000 >
                    meant.size * size / packed->size); /* within a block of what was there */
        assert_non_null(strstr(err.text, "cut"));
        btr_buffer_fini(&got);
    }
}

static void a_cut_file_gives_its_good_part_and_then_the_error(void **state)
{
    (void)state;
    struct btr_span meant = {text, TEXT_SIZE};
    struct btr_buffer packed = {0};
    temp_pack_zstd(&packed, meant);
    cut_gives_the_good_part_first(&packed, meant);
    btr_buffer_clear(&packed);
    temp_pack_gzip(&packed, meant);
    cut_gives_the_good_part_first(&packed, meant);
    btr_buffer_fini(&packed);
}

/* One bit flipped, at places of every kind: it is never taken for sound. */
static void flip_is_told(struct btr_buffer *packed, size_t begin)
{
    char path[256];
    for (size_t at = begin; at < packed->size;
         at += at < 24 || at + 16 > packed->size ? 1 : 99991) {
        struct btr_buffer got = {0};
        struct btr_err err = {0};
        packed->at[at] ^= 0x10;
        temp_file_write(folder, "flip", btr_buffer_view(packed), path);
        int rc = content_read(path, &got, &err);
        assert_true(rc < 0 ||
                    got.size ==
                        TEXT_SIZE); /* a flip in a name or a time of the header changes no byte */
        if (rc == 0)
            assert_memory_equal(got.at, text, TEXT_SIZE);
        else
            assert_true(strlen(err.text) > 0 && !strchr(err.text, '\n'));
        packed->at[at] ^= 0x10;
        btr_buffer_fini(&got);
    }
}

static void a_flipped_bit_is_told_wherever_it_is(void **state)
{
    (void)state;
    struct btr_buffer packed = {0};
    temp_pack_zstd(&packed, (struct btr_span){text, TEXT_SIZE});
    flip_is_told(&packed, 4);
    btr_buffer_clear(&packed);
    temp_pack_gzip(&packed, (struct btr_span){text, TEXT_SIZE});
    flip_is_told(&packed, 3);
    btr_buffer_fini(&packed);
}

static void noise_behind_the_last_frame_is_told(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        char path[256];
        struct btr_buffer packed = {0}, got = {0};
        struct btr_err err = {0};
        (kind == 0 ? temp_pack_zstd : temp_pack_gzip)(&packed, BTR_SPAN("good\n"));
        btr_buffer_text(&packed, "noise noise noise");
        temp_file_write(folder, "noise", btr_buffer_view(&packed), path);
        assert_int_equal(content_read(path, &got, &err), BTR_E_FORMAT);
        assert_true(btr_span_equal(btr_buffer_view(&got), BTR_SPAN("good\n")));
        btr_buffer_fini(&packed);
        btr_buffer_fini(&got);
    }
}

static void a_window_of_128_mib_is_read_and_a_wider_one_refused(void **state)
{
    (void)state;
    char path[256];
    struct btr_buffer packed = {0}, got = {0};
    struct btr_err err = {0};
    temp_pack_zstd_long(&packed, (struct btr_span){text, 5000}, 27);
    reads_back(btr_buffer_view(&packed), (struct btr_span){text, 5000});
    btr_buffer_clear(&packed);
    temp_pack_zstd_long(&packed, (struct btr_span){text, 5000}, 28);
    temp_file_write(folder, "wide", btr_buffer_view(&packed), path);
    assert_int_equal(content_read(path, &got, &err), BTR_E_LIMIT);
    assert_non_null(strstr(err.text, "128 MiB"));
    btr_buffer_fini(&packed);
    btr_buffer_fini(&got);
}

static void packings_that_are_not_read_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *magic, *name;
    } rows[] = {{"\xfd"
                 "7zXZ",
                 "xz"},
                {"BZh91AY", "bzip2"},
                {"PK\x03\x04 and more", "zip"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256];
        struct btr_buffer got = {0};
        struct btr_err err = {0};
        struct btr_span magic = {(const uint8_t *)rows[i].magic, strlen(rows[i].magic) + 1};
        temp_file_write(folder, "odd", magic, path);
        assert_int_equal(content_read(path, &got, &err), BTR_E_FORMAT);
        assert_non_null(strstr(err.text, rows[i].name));
        btr_buffer_fini(&got);
    }
}

static void what_cannot_be_opened_is_refused(void **state)
{
    (void)state;
    char path[300];
    struct btr_buffer got = {0};
    struct btr_err err = {0};
    (void)snprintf(path, sizeof path, "%s/absent", folder);
    assert_int_equal(content_read(path, &got, &err), BTR_E_NOTFOUND);
    assert_int_equal(content_read(folder, &got, &err), BTR_E_USAGE);
    if (geteuid() == 0) {
        print_message("skipped: the superuser may read everything\n");
        skip();
    }
    temp_file_write(folder, "locked", BTR_SPAN("x"), path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(content_read(path, &got, &err), BTR_E_USAGE);
}

static void blocks_end_at_newlines_and_carry_the_digest_so_far(void **state)
{
    (void)state;
    char path[256];
    struct btr_content *content;
    struct source_block block;
    struct btr_err err = {0};
    struct btr_sha256 *sha = btr_sha256_new();
    uint64_t offset = 0;
    int rc, fd;
    temp_file_write(folder, "plain", (struct btr_span){text, TEXT_SIZE}, path);
    fd = source_content_fd(path, &err);
    assert_true(fd >= 0);
    assert_int_equal(source_content_open(&content, fd, &err), 0);
    while ((rc = source_content_next(content, &block, &err)) == 1) {
        uint8_t want[BTR_SHA256_SIZE];
        btr_sha256_update(sha, block.bytes);
        assert_true(btr_sha256_peek(sha, want));
        assert_memory_equal(block.sha256, want, sizeof want);
        assert_int_equal(block.offset, offset);
        offset += block.bytes.size;
        assert_true(block.bytes.at[block.bytes.size - 1] == '\n' || offset == TEXT_SIZE);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(offset, TEXT_SIZE);
    btr_sha256_free(sha);
    btr_content_close(content);
}

static void the_stored_file_is_hashed_to_its_end_even_when_damaged(void **state)
{
    (void)state;
    char path[256];
    struct btr_content *content;
    struct btr_span block;
    struct btr_err err = {0};
    struct btr_buffer packed = {0};
    uint64_t size;
    uint8_t got[BTR_SHA256_SIZE], want[BTR_SHA256_SIZE];
    temp_pack_zstd(&packed, BTR_SPAN("good\n"));
    for (int i = 0; i < 2000000; i++)
        btr_buffer_u8(&packed, 'n');
    struct btr_sha256 *sha = btr_sha256_new();
    btr_sha256_update(sha, btr_buffer_view(&packed));
    assert_true(btr_sha256_peek(sha, want));
    temp_file_write(folder, "damaged", btr_buffer_view(&packed), path);
    assert_int_equal(btr_content_open(&content, path, &err), 0);
    while (btr_content_next(content, &block, &err) == 1)
        ;
    assert_true(btr_content_stored(content, &size, got));
    assert_int_equal(size, packed.size);
    assert_memory_equal(got, want, sizeof want);
    btr_content_close(content);
    btr_sha256_free(sha);
    btr_buffer_fini(&packed);
}

static void closing_early_ends_the_reader(void **state)
{
    (void)state;
    char path[256];
    struct btr_content *content;
    struct btr_span block;
    struct btr_err err = {0};
    temp_file_write(folder, "early", (struct btr_span){text, TEXT_SIZE}, path);
    assert_int_equal(btr_content_open(&content, path, &err), 0);
    btr_content_close(content);
    assert_int_equal(btr_content_open(&content, path, &err), 0);
    assert_int_equal(btr_content_next(content, &block, &err), 1);
    btr_content_close(content);
    int ends[2]; /* a pipe that nobody writes to, and that stays open */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(source_content_open(&content, ends[0], &err), 0);
    btr_content_close(content);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packing_gives_the_same_bytes),
        cmocka_unit_test(frames_and_members_follow_each_other_without_a_seam),
        cmocka_unit_test(an_empty_file_is_an_empty_content),
        cmocka_unit_test(a_cut_file_gives_its_good_part_and_then_the_error),
        cmocka_unit_test(a_flipped_bit_is_told_wherever_it_is),
        cmocka_unit_test(noise_behind_the_last_frame_is_told),
        cmocka_unit_test(a_window_of_128_mib_is_read_and_a_wider_one_refused),
        cmocka_unit_test(packings_that_are_not_read_are_named),
        cmocka_unit_test(what_cannot_be_opened_is_refused),
        cmocka_unit_test(blocks_end_at_newlines_and_carry_the_digest_so_far),
        cmocka_unit_test(the_stored_file_is_hashed_to_its_end_even_when_damaged),
        cmocka_unit_test(closing_early_ends_the_reader),
    };
    return cmocka_run_group_tests_name("content", tests, folder_setup, folder_teardown);
}
