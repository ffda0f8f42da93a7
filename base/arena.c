#include <btr/arena.h>

#include <assert.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define ARENA_UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define ARENA_POISON(at, size) ((void)(at), (void)(size))
#define ARENA_UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum { BLOCK_SIZE_MIN = 16 << 10, BLOCK_SIZE_MAX = 1 << 20, ALIGN_MAX = 16 };

/* Header of one block; its bytes follow. Aligned so that they are, too. */
struct block {
    _Alignas(ALIGN_MAX) struct block *next;
    size_t size; /* bytes that follow */
    size_t used;
};

/* Invariant: blocks before `current` and `current` are in use, those after it are empty. */
struct btr_arena {
    struct block *first, *current;
    size_t size_max, used;
    bool refused;      /* for its limit, since the last reset */
    size_t held;       /* bytes of all blocks; at most size_max and a half, and one block */
    size_t block_size; /* of the next block */
};

static uint8_t *block_bytes(struct block *block)
{
    return (uint8_t *)(block + 1);
}

struct btr_arena *btr_arena_new(size_t size_max)
{
    struct btr_arena *arena = calloc(1, sizeof(*arena));
    if (!arena)
        return NULL;
    arena->size_max = size_max;
    arena->block_size = size_max < BLOCK_SIZE_MIN ? size_max + ALIGN_MAX : BLOCK_SIZE_MIN;
    return arena;
}

void btr_arena_free(struct btr_arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void btr_arena_reset(struct btr_arena *arena)
{
    for (struct block *block = arena->first; block; block = block->next) {
        block->used = 0;
        ARENA_POISON(block_bytes(block), block->size);
    }
    arena->current = arena->first;
    arena->used = 0;
    arena->refused = false;
}

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    *block = (struct block){.size = size};
    ARENA_POISON(block_bytes(block), size);
    return block;
}

/* Puts a block behind the current one, and makes it the current one if asked. */
static void block_insert(struct btr_arena *arena, struct block *block, bool make_current)
{
    if (!arena->current) {
        arena->first = arena->current = block;
        return;
    }
    if (make_current) {
        block->next = arena->current->next;
        arena->current->next = block;
        arena->current = block;
        return;
    }
    block->next = arena->first; /* a large one stands aside, so that the current block is used up */
    arena->first = block;
}

/* Finds a kept block with room, and gives back those that are too small. @return NULL when none is
 * left */
static struct block *block_kept(struct btr_arena *arena, size_t need)
{
    while (arena->current && arena->current->next) {
        struct block *next = arena->current->next;
        if (next->size >= need)
            return arena->current = next;
        arena->current->next = next->next;
        arena->held -= next->size;
        free(next);
    }
    return NULL;
}

static struct block *block_for(struct btr_arena *arena, size_t need)
{
    bool large = need > arena->block_size / 4;
    bool room_aside = arena->held <= arena->size_max / 2 && need <= arena->size_max;
    struct block *block = large && room_aside ? NULL : block_kept(arena, need);
    if (block)
        return block;
    block = block_new(large ? need : arena->block_size);
    if (!block)
        return NULL;
    arena->held += block->size;
    block_insert(arena, block, !large);
    if (!large && arena->block_size >= BLOCK_SIZE_MIN && arena->block_size < BLOCK_SIZE_MAX)
        arena->block_size *= 2;
    return block;
}

static size_t padding(const struct block *block, size_t align)
{
    return (align - (block->used & (align - 1))) & (align - 1);
}

void *btr_arena_alloc(struct btr_arena *arena, size_t size, size_t align)
{
    assert(align > 0 && align <= ALIGN_MAX && (align & (align - 1)) == 0);
    if (size > arena->size_max - arena->used) {
        arena->refused = true;
        return NULL;
    }
    struct block *block = arena->current;
    size_t pad = block ? padding(block, align) : 0;
    if (!block || pad > block->size - block->used || size > block->size - block->used - pad) {
        block = block_for(arena, size);
        if (!block)
            return NULL;
        pad = padding(block, align);
    }
    uint8_t *at = block_bytes(block) + block->used + pad;
    ARENA_UNPOISON(at, size);
    block->used += pad + size;
    arena->used += size;
    return at;
}

bool btr_arena_copy(struct btr_arena *arena, struct btr_span bytes, struct btr_span *out)
{
    uint8_t *copy = btr_arena_alloc(arena, bytes.size, 1);
    if (!copy)
        return false;
    if (bytes.size > 0)
        memcpy(copy, bytes.at, bytes.size);
    *out = (struct btr_span){copy, bytes.size};
    return true;
}

size_t btr_arena_used(const struct btr_arena *arena)
{
    return arena->used;
}

bool btr_arena_refused(const struct btr_arena *arena)
{
    return arena->refused;
}
